#include "tasks/ruler/ruler_task.h"

#include <algorithm>

#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "tasks/prompts/conversation.h"
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

/// The depths of the needles are in the order of the references in both modes, so that one is known
/// to be what is asked for only where there is one reference; in the strict mode further needles,
/// which are not asked for, come behind it. That of a document is its place among the documents.
std::optional<double> depth_of(const Json& fields, const RulerSpec& spec) {
  const auto& meta = fields.at("meta");
  const auto units = meta.value("units", int64_t{0});
  const auto* qa = std::get_if<QaSpec>(&spec.family);
  // Fewer units leave tenths without a place; needles have one more, behind the last unit.
  if (units < num_depths - (qa ? 0 : 1)) return std::nullopt;
  if (qa) {
    // Of several golden documents the one whose place is told need not hold the answer.
    const bool holds_answer =
        qa->source == QaSource::Squad || meta.value("gold", std::string()) == gold_holds_answer;
    if (!holds_answer || !meta.contains("gold_position")) return std::nullopt;
    return meta["gold_position"].get<double>() / static_cast<double>(units);
  }
  const bool has_depths = meta.contains("depths") && !meta["depths"].empty();
  if (!has_depths || fields.at("references").size() != 1) return std::nullopt;
  return meta["depths"][0].get<double>();
}

int64_t tenth_of(double depth) {
  // A depth of p / units at the beginning of a tenth may have come out a hair below it.
  constexpr double rounding = 1e-9;
  const auto tenth = static_cast<int64_t>(static_cast<double>(num_depths) * depth + rounding);
  return std::min(num_depths - 1, tenth);
}

/// Samples of one name are not independent, at one length or at several: questions about one
/// article, one question, and what the compat mode draws from the one stream that all lengths
/// share, where the same needles come again under another number. The strict mode draws every
/// sample of the other tasks by itself.
std::string cluster_of_sample(const Document& document, const SampleSetDescription& made) {
  const auto& named = document.fields["cluster"].get_ref<const std::string&>();
  if (!named.empty()) return named;
  const bool asks_questions = std::holds_alternative<QaSpec>(find_ruler_spec(made.task).family);
  if (asks_questions) {
    return fmt::format("question {}", document.fields["meta"].value("question", document.index));
  }
  if (made.mode == Mode::Strict) return "";
  constexpr size_t enough_digits = 16;
  return "draw " + sha256_hex(document.fields["references"].dump()).substr(0, enough_digits);
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

std::vector<Request> RulerTask::requests_in(const PromptForm& form, const Document& document,
                                            std::span<const Document* const> shots) const {
  require(
      !form.chat && form.system_instruction.empty(),
      "{}: its samples are built to a length without a chat or a system instruction, and end in "
      "the beginning of the answer; leave --chat-template and --system-instruction out",
      info_.name);
  return requests(document, shots);
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
  const auto depth = depth_of(document.fields, spec_);
  return depth ? OrderedJson{{"depth", tenth_of(*depth)}} : OrderedJson::object();
}

std::vector<Document> RulerTask::generate_documents() const {
  fail(
      "{}: is evaluated on sample sets, which are built for a tokenizer: `{} --tokenizer DIR "
      "--lengths 4K --out DIR` makes them, --sets names their folder",
      info_.name, info_.built_by);
}

std::string prompt_of(Sample sample) { return std::move(sample.input) + sample.answer_prefix; }

OpenSampleSet open_sample_set(const std::filesystem::path& file) {
  TaskData data;
  auto samples = std::make_shared<SampleReader>(file, [&](Sample sample) {
    const auto index = static_cast<int64_t>(data.documents.size());
    Json fields{{"cluster", std::move(sample.cluster)},
                {"references", std::move(sample.references)},
                {"meta", sample.meta}};
    fields["prompt"] = prompt_of(std::move(sample));
    data.documents.push_back({index, std::move(fields)});
  });
  for (auto& document : data.documents) {
    document.fields["cluster"] = cluster_of_sample(document, samples->header().description);
  }
  data.sha256 = samples->header().sha256;
  return {std::move(data), std::move(samples)};
}

}  // namespace hylo::tasks::ruler
