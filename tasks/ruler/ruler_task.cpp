#include "tasks/ruler/ruler_task.h"

#include "harness/base/error.h"
#include "tasks/ruler/prompts.h"
#include "tasks/ruler/scoring.h"

namespace hylo::tasks::ruler {
namespace {

TaskInfo info_of(const RulerSpec& spec) {
  const auto prompts = read_ruler_prompts();
  return {.name = std::string(spec.name),
          .version = "1",
          .description = std::string(spec.description),
          .source = "NVIDIA/RULER, arXiv 2404.06654",
          .licence = prompts.licence,
          .built_by = fmt::format("hylo data build ruler --tasks {}", spec.name),
          .split = "sample set",
          .metrics = {{.name = "score"}, {.name = "null", .higher_is_better = false}}};
}

}  // namespace

RulerTask::RulerTask(const RulerSpec& spec) : spec_(spec), info_(info_of(spec)) {}

RulerTask::RulerTask(const RulerSpec& spec, int64_t length) : RulerTask(spec) {
  info_.name = fmt::format("{}@{}", spec.name, length);
}

std::vector<Request> RulerTask::requests(const Document& document,
                                         std::span<const Document* const> /*shots*/) const {
  return {GenerateText{.prompt = document.fields.at("prompt").get<std::string>(),
                       .stop = {},
                       .max_new_tokens = spec_.max_new_tokens}};
}

Score RulerTask::score(const Document& document, std::span<const Response> responses) const {
  if (any_failed(responses)) return failed_score(info_);
  const auto* generated = std::get_if<GeneratedText>(&responses.front());
  invariant(generated != nullptr, "{}: answered with something else than a text", info_.name);
  const auto prediction = postprocessed(generated->text);
  const auto references = document.fields.at("references").get<std::vector<std::string>>();
  return {{.metric = "score", .value = score_of(spec_.metric, prediction, references)},
          {.metric = "null", .value = prediction.empty() ? 1.0 : 0.0}};
}

std::string RulerTask::cluster_of(const Document& document) const {
  return document.fields.at("cluster").get<std::string>();
}

std::vector<Document> RulerTask::generate_documents() const {
  fail(
      "{}: is evaluated on sample sets, which are built for a tokenizer: `{} --tokenizer DIR "
      "--lengths 4K --out DIR` makes them, --sets names their folder",
      info_.name, info_.built_by);
}

TaskData open_sample_set(const std::filesystem::path& file) {
  TaskData data;
  const auto header = read_sample_set(file, [&](Sample sample) {
    Json fields{{"references", std::move(sample.references)},
                {"cluster", std::move(sample.cluster)},
                {"meta", sample.meta}};
    fields["prompt"] = std::move(sample.input) + sample.answer_prefix;
    data.documents.push_back({static_cast<int64_t>(data.documents.size()), std::move(fields)});
  });
  data.sha256 = header.sha256;
  return data;
}

}  // namespace hylo::tasks::ruler
