#include "harness/runner/run_record.h"

#include <fmt/ranges.h>

#include <numeric>

#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "harness/base/overloaded.h"
#include "harness/base/version.h"
#include "harness/runner/groups.h"
#include "harness/system/machine_record.h"

namespace hylo::harness {
namespace {

reports::Aggregation aggregation_of(tasks::Aggregation aggregation) {
  switch (aggregation) {
    case tasks::Aggregation::Mean:
      return reports::Aggregation::Mean;
    case tasks::Aggregation::WeightedPerplexity:
      return reports::Aggregation::WeightedPerplexity;
    case tasks::Aggregation::BitsPerByte:
      return reports::Aggregation::BitsPerUnit;
    case tasks::Aggregation::WeightedMean:
      return reports::Aggregation::WeightedMean;
    case tasks::Aggregation::MeanPerplexity:
      return reports::Aggregation::MeanPerplexity;
  }
  invariant(false, "an aggregation that the store does not know");
  return {};
}

reports::FinishReason reason_of(tasks::FinishReason reason) {
  switch (reason) {
    case tasks::FinishReason::Stop:
      return reports::FinishReason::Stop;
    case tasks::FinishReason::EndOfText:
      return reports::FinishReason::EndOfText;
    case tasks::FinishReason::Length:
      return reports::FinishReason::Length;
  }
  invariant(false, "a finish reason that the store does not know");
  return {};
}

tasks::FinishReason reason_of(reports::FinishReason reason) {
  switch (reason) {
    case reports::FinishReason::Stop:
      return tasks::FinishReason::Stop;
    case reports::FinishReason::EndOfText:
      return tasks::FinishReason::EndOfText;
    case reports::FinishReason::Length:
      return tasks::FinishReason::Length;
  }
  invariant(false, "a finish reason that tasks do not know");
  return {};
}

/// A hash over all that is asked of a task, so that a changed prompt is another run.
std::string hash_requests(const PlannedTask& task) {
  Sha256 hash;
  const auto add = [&](std::string_view text) {
    hash.update(std::to_string(text.size())).update(":").update(text);
  };
  for (const auto& document : task.documents) {
    add(std::to_string(document.document->index));
    for (const auto& request : requests_of(task, document)) {
      std::visit(overloaded{
                     [&](const tasks::ScoreText& r) {
                       add("score");
                       add(r.context);
                       add(r.continuation);
                     },
                     [&](const tasks::ScoreRolling& r) {
                       add("rolling");
                       add(r.text);
                     },
                     [&](const tasks::ScoreTokens& r) {
                       add("tokens");
                       add(r.text);
                       add(fmt::format("{} {}", r.max_tokens, r.span_tokens));
                     },
                     [&](const tasks::AgreeOnText& r) {
                       add("agreement");
                       add(r.text);
                       add(std::to_string(r.window_tokens));
                     },
                     [&](const tasks::GenerateText& r) {
                       add("generate");
                       add(r.prompt);
                       for (const auto& stop : r.stop) add(stop);
                       const auto& s = r.sampling;
                       add(fmt::format("{} {} {} {} {} {} {}", r.max_new_tokens, s.temperature,
                                       s.top_k, s.top_p, s.min_p, s.repetition_penalty, s.seed));
                     },
                 },
                 request);
    }
  }
  return hash.hex();
}

void keep(const tasks::TokenScores& scores, reports::RequestOutput& out) {
  const auto& spans = scores.span_log_likelihoods;
  out.log_likelihood = std::accumulate(spans.begin(), spans.end(), 0.0);
  out.num_tokens = scores.num_tokens;
  out.dropped_tokens = scores.unread_tokens;
  out.window_log_likelihoods = spans;
  out.token_ids = scores.token_ids;
}

/// The order is the store's: RequestOutput::window_log_likelihoods.
void keep(const tasks::TextAgreement& sums, reports::RequestOutput& out) {
  out.log_likelihood = sums.student_log_likelihood;
  out.num_tokens = sums.num_tokens;
  out.window_log_likelihoods = {sums.kl_nats, static_cast<double>(sums.num_same_top),
                                sums.teacher_log_likelihood};
  out.window_log_likelihoods.insert(out.window_log_likelihoods.end(), sums.layer_cosines.begin(),
                                    sums.layer_cosines.end());
  out.token_ids = sums.token_ids;
}

tasks::TokenScores token_scores_of(const reports::RequestOutput& output) {
  return {.span_log_likelihoods = output.window_log_likelihoods,
          .num_tokens = output.num_tokens,
          .unread_tokens = output.dropped_tokens,
          .token_ids = output.token_ids};
}

tasks::TextAgreement agreement_of(const reports::RequestOutput& output) {
  constexpr size_t num_before_cosines = 3;
  const auto& sums = output.window_log_likelihoods;
  invariant(sums.size() >= num_before_cosines, "an agreement of {} sums", sums.size());
  return {.num_tokens = output.num_tokens,
          .kl_nats = sums[0],
          .num_same_top = static_cast<int64_t>(sums[1]),
          .teacher_log_likelihood = sums[2],
          .student_log_likelihood = *output.log_likelihood,
          .layer_cosines = {sums.begin() + num_before_cosines, sums.end()},
          .token_ids = output.token_ids};
}

/// Names and hashes of the files that took the place of the task's data set.
std::vector<OrderedJson> texts_of(const PlannedTask& planned) {
  std::vector<OrderedJson> texts;
  if (!planned.data->is_own_texts) return texts;
  for (const auto& document : planned.data->documents) {
    texts.push_back(
        {{"file", document.fields.at("file")}, {"sha256", document.fields.at("sha256")}});
  }
  return texts;
}

/// What was asked for beyond the task's own form; nothing where that was left as it is.
void add_form(OrderedJson& variant, const tasks::PromptOptions& options) {
  const auto& form = options.form;
  if (form.chat) variant["chat_template"] = tasks::name_of(*form.chat);
  if (!form.system_instruction.empty()) variant["system_instruction"] = form.system_instruction;
  if (form.fewshot_as_multiturn) variant["fewshot_as_multiturn"] = true;
  if (!options.fewshot_split.empty()) variant["fewshot_split"] = options.fewshot_split;
}

/// Where the worked examples come from; null as data set: from the task itself.
void add_pool(OrderedJson& variant, const tasks::TaskData& data) {
  if (data.pool_sha256.empty()) return;
  variant["pool_sha256"] = data.pool_sha256;
  const auto& name = data.pool_dataset;
  variant["fewshot_pool"] = {{"dataset", name.empty() ? OrderedJson(nullptr) : OrderedJson(name)},
                             {"split", data.pool_split}};
}

/// Of the documents; a task that makes them has its own.
std::string licence_of_data(const tasks::Task& task) {
  const auto& info = task.info();
  return info.dataset.empty() ? info.licence : task.manifest().licence;
}

}  // namespace

std::vector<reports::CellDescription> describe_cells(const std::vector<PlannedTask>& tasks,
                                                     const Plan* shard) {
  std::vector<reports::CellDescription> cells;
  for (const auto& planned : tasks) {
    const auto& info = planned.task->info();
    reports::CellDescription cell{.task = info.name,
                                  .task_version = info.version,
                                  .dataset = planned.data->is_own_texts ? "text" : info.dataset,
                                  .dataset_sha256 = planned.data->sha256,
                                  .licence = licence_of_data(*planned.task),
                                  .num_documents = static_cast<int64_t>(planned.documents.size()),
                                  .num_fewshot = tasks::num_fewshot_of(info, planned.options),
                                  .metrics = {}};
    cell.variant["requests_sha256"] = hash_requests(planned);
    add_pool(cell.variant, *planned.data);
    cell.variant.update(planned.variant);
    if (info.needs_teacher) {
      cell.variant["num_compared_layers"] = planned.settings.num_compared_layers;
    }
    for (const auto& text : texts_of(planned)) cell.variant["texts"].push_back(text);
    if (!planned.data->is_verified) cell.variant["data_verified"] = false;
    if (!planned.data->remarks.empty()) cell.variant["remarks"] = planned.data->remarks;
    add_form(cell.variant, planned.options);
    for (const auto& metric : info.metrics) {
      cell.metrics.push_back({metric.name, metric.filter, aggregation_of(metric.aggregation),
                              metric.higher_is_better});
    }
    if (shard) cell.num_assigned = 0;
    cells.push_back(std::move(cell));
  }
  if (!shard) return cells;
  for (const auto& batch : shard->batches) {
    for (const auto& document : batch) ++*cells[document.task].num_assigned;
  }
  return cells;
}

/// The split that the run's worked examples came from, whatever files have arrived since; empty:
/// the task's own.
std::string pool_split_of(const reports::CellDescription& cell) {
  const auto& variant = cell.variant;
  if (variant.contains("fewshot_split")) return variant["fewshot_split"].get<std::string>();
  const auto pool = variant.find("fewshot_pool");
  if (pool == variant.end() || !pool->is_object() || (*pool)["dataset"].is_null()) return {};
  return pool->value("split", "");
}

tasks::PromptOptions prompt_options_of(const reports::CellDescription& cell) {
  const auto& variant = cell.variant;
  tasks::PromptOptions options{.num_fewshot = cell.num_fewshot,
                               .fewshot_split = pool_split_of(cell)};
  if (variant.contains("chat_template")) {
    const auto name = variant["chat_template"].get<std::string>();
    options.form.chat = tasks::chat_template_named(name);
    require(options.form.chat.has_value(),
            "{}: the run used the chat template '{}', this hylo has {}", cell.task, name,
            fmt::join(tasks::chat_template_names(), ", "));
  }
  options.form.system_instruction = variant.value("system_instruction", "");
  options.form.fewshot_as_multiturn = variant.value("fewshot_as_multiturn", false);
  return options;
}

reports::RunDescription describe_run(const std::vector<reports::CellDescription>& cells,
                                     const SystemUnderTest& system, const RunLabels& labels) {
  const auto& info = system.info();
  reports::RunDescription run{.key = {},
                              .name = labels.name,
                              .argv = labels.argv,
                              .numeric_mode = info.numeric_mode,
                              .dtype = info.dtype,
                              .seed = labels.seed};
  run.model = info.description;
  run.model["name"] = info.name;
  run.model["identity"] = info.identity;
  run.machine = machine_json();
  run.build = {{"version", version()}};
  OrderedJson key{{"version", version()},
                  {"identity", info.identity},
                  {"numeric_mode", info.numeric_mode},
                  {"seed", labels.seed},
                  {"tasks", OrderedJson::array()}};
  for (const auto& cell : cells) {
    // Where a task file lies determines nothing; what is in it, its hash tells. Remarks explain.
    auto variant = cell.variant;
    variant.erase("task_file");
    variant.erase("remarks");
    key["tasks"].push_back({cell.task, cell.task_version, cell.dataset_sha256, cell.num_fewshot,
                            cell.num_documents, variant});
  }
  for (const auto& group : labels.groups) key["groups"].push_back(group.name);
  run.key = sha256_hex(key.dump());
  run.groups = describe_groups(labels.groups, cells);
  if (labels.shard) {
    const auto& [number, count] = *labels.shard;
    run.shard = {.number = number, .count = count, .whole_key = run.key};
    run.key = sha256_hex(fmt::format("{} shard {}/{}", run.key, number, count));
  }
  return run;
}

reports::RequestOutput record_of(int64_t number, const tasks::Request& request,
                                 const tasks::Response& response) {
  reports::RequestOutput out;
  out.request = number;
  std::visit(overloaded{
                 [&](const tasks::ScoreText& r) {
                   out.kind = reports::RequestKind::Score;
                   out.context = r.context;
                   out.continuation = r.continuation;
                 },
                 [&](const tasks::ScoreRolling& r) {
                   out.kind = reports::RequestKind::Rolling;
                   out.continuation = r.text;
                 },
                 [&](const tasks::ScoreTokens& r) {
                   out.kind = reports::RequestKind::Tokens;
                   out.continuation = r.text;
                 },
                 [&](const tasks::AgreeOnText& r) {
                   out.kind = reports::RequestKind::Agreement;
                   out.continuation = r.text;
                 },
                 [&](const tasks::GenerateText& r) {
                   out.kind = reports::RequestKind::Generate;
                   out.context = r.prompt;
                 },
             },
             request);
  std::visit(overloaded{
                 [&](const tasks::TextScore& r) {
                   out.log_likelihood = r.log_likelihood;
                   out.is_greedy = r.is_greedy;
                   out.num_tokens = r.num_tokens;
                   out.dropped_tokens = r.dropped_tokens;
                   out.boundary_merged = r.boundary_merged;
                   out.window_log_likelihoods = r.window_log_likelihoods;
                   out.context_ids = r.context_ids;
                   out.token_ids = r.token_ids;
                 },
                 [&](const tasks::GeneratedText& r) {
                   out.generated = r.text;
                   out.finish_reason = reason_of(r.finish_reason);
                   out.num_tokens = r.num_tokens;
                   out.dropped_tokens = r.dropped_tokens;
                   out.context_ids = r.context_ids;
                   out.token_ids = r.token_ids;
                 },
                 [&](const tasks::TokenScores& r) { keep(r, out); },
                 [&](const tasks::TextAgreement& r) { keep(r, out); },
                 [&](const tasks::Failed& r) { out.error = r.reason; },
             },
             response);
  return out;
}

tasks::Response response_of(const reports::RequestOutput& output) {
  if (output.error) return tasks::Failed{*output.error};
  if (output.kind == reports::RequestKind::Generate) {
    invariant(output.generated && output.finish_reason, "a generated text that is not there");
    return tasks::GeneratedText{.text = *output.generated,
                                .finish_reason = reason_of(*output.finish_reason),
                                .num_tokens = output.num_tokens,
                                .dropped_tokens = output.dropped_tokens,
                                .context_ids = output.context_ids,
                                .token_ids = output.token_ids};
  }
  invariant(output.log_likelihood.has_value(), "a log-likelihood that is not there");
  if (output.kind == reports::RequestKind::Tokens) return token_scores_of(output);
  if (output.kind == reports::RequestKind::Agreement) return agreement_of(output);
  return tasks::TextScore{.log_likelihood = *output.log_likelihood,
                          .is_greedy = output.is_greedy.value_or(false),
                          .num_tokens = output.num_tokens,
                          .dropped_tokens = output.dropped_tokens,
                          .boundary_merged = output.boundary_merged,
                          .window_log_likelihoods = output.window_log_likelihoods,
                          .context_ids = output.context_ids,
                          .token_ids = output.token_ids};
}

reports::DocumentOutput record_of(const PlannedTask& task, const PlannedDocument& planned,
                                  std::span<const tasks::Request> requests,
                                  const std::vector<tasks::Response>& responses) {
  const auto& prompted = task.documents[planned.document];
  reports::DocumentOutput out{.cell = static_cast<int64_t>(planned.task),
                              .ordinal = static_cast<int64_t>(planned.document),
                              .index = prompted.document->index,
                              .requests = {},
                              .scores = {},
                              .fewshot_ids = prompted.fewshot_ids,
                              .cluster = task.task->cluster_of(*prompted.document),
                              .tags = task.task->tags_of(*prompted.document)};
  for (size_t i = 0; i < responses.size(); ++i) {
    out.requests.push_back(record_of(static_cast<int64_t>(i), requests[i], responses[i]));
  }
  for (const auto& value : task.task->score(*prompted.document, responses)) {
    out.scores.push_back({value.metric, value.filter, value.value, value.weight});
  }
  return out;
}

}  // namespace hylo::harness
