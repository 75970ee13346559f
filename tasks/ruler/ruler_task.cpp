#include "tasks/ruler/ruler_task.h"

#include <algorithm>

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

constexpr int64_t num_depths = 10;

/// The strict mode notes the strata of the needles, those asked for first, and of the golden
/// document; compat the depths in the order of the text, so that one is known to be asked for only
/// where it is alone.
std::optional<int64_t> depth_of(const Json& fields) {
  const auto& meta = fields.at("meta");
  const bool has_gold = meta.contains("gold_position");
  if (!has_gold && fields.at("references").size() != 1) return std::nullopt;
  if (meta.contains("strata")) return meta["strata"].at(0).get<int64_t>();
  double depth = 0;
  if (has_gold) {
    depth = meta["gold_position"].get<double>() / meta.at("units").get<double>();
  } else if (meta.contains("depths") && meta["depths"].size() == 1) {
    depth = meta["depths"][0].get<double>();
  } else {
    return std::nullopt;
  }
  return std::min(num_depths - 1, static_cast<int64_t>(depth * static_cast<double>(num_depths)));
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

OrderedJson RulerTask::tags_of(const Document& document) const {
  const auto depth = depth_of(document.fields);
  return depth ? OrderedJson{{"depth", *depth}} : OrderedJson::object();
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
