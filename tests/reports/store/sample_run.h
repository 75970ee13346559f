// Runs that are easy to foretell: what a document answers follows from its number.
#pragma once

#include <sstream>

#include "harness/base/hash.h"
#include "reports/store/export.h"
#include "reports/store/store.h"

namespace hylo::reports::tests {

inline CellDescription choice_cell(int64_t num_documents) {
  return {.task = "arc_easy",
          .task_version = "1",
          .dataset = "arc_easy_test",
          .dataset_sha256 = "ab",
          .licence = "CC-BY-SA-4.0",
          .num_documents = num_documents,
          .metrics = {{.name = "acc"}, {.name = "acc_norm"}}};
}

inline RunDescription sample_description(const std::string& key = "key",
                                         const std::string& name = "") {
  return {.key = key,
          .name = name,
          .argv = {"hylo", "eval"},
          .dtype = "float32",
          .seed = 7,
          .model = {{"name", "tiny"}}};
}

/// Two choices after one context; the first is right in every third document.
inline DocumentOutput choice_document(int64_t ordinal, int64_t cell = 0) {
  DocumentOutput document{.cell = cell, .ordinal = ordinal, .index = 10 * ordinal, .seconds = 0.5};
  for (int64_t request = 0; request < 2; ++request) {
    document.requests.push_back({.request = request,
                                 .context = "Question " + std::to_string(ordinal),
                                 .continuation = request == 0 ? " yes" : " no",
                                 .context_ids = {1, static_cast<int32_t>(ordinal)},
                                 .token_ids = {5 + static_cast<int32_t>(request)},
                                 .log_likelihood = -0.1 * static_cast<double>(ordinal + request),
                                 .is_greedy = request == 0,
                                 .num_tokens = 1});
  }
  const double right = ordinal % 3 == 0 ? 1 : 0;
  document.scores = {{.metric = "acc", .value = right}, {.metric = "acc_norm", .value = 1 - right}};
  return document;
}

inline std::vector<DocumentOutput> choice_documents(int64_t first, int64_t end) {
  std::vector<DocumentOutput> documents;
  for (int64_t ordinal = first; ordinal < end; ++ordinal)
    documents.push_back(choice_document(ordinal));
  return documents;
}

inline std::string exported(const Store& store, int64_t run, const ExportOptions& options = {}) {
  std::ostringstream out;
  export_samples(store, run, options, out);
  return out.str();
}

/// A complete run of `num_documents` in one batch.
inline int64_t complete_run(Store& store, int64_t num_documents,
                            const RunDescription& description = sample_description()) {
  auto run = store.begin(description, std::vector{choice_cell(num_documents)});
  store.save(run, choice_documents(0, num_documents));
  store.finish(run);
  return run.id();
}

}  // namespace hylo::reports::tests
