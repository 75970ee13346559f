// Perplexity of whole texts: one class runs every suite; a suite is a row of a table.
// Source: lm-evaluation-harness 0.4, lm_eval/tasks/wikitext (denominators) and api/metrics.py.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/core/task.h"

namespace hylo::tasks {

struct RollingSuite {
  std::string_view name;
  std::string_view version;
  std::string_view description;
  std::string_view source;
  std::string_view licence;
  std::string_view dataset;
  std::string_view split;
  std::string_view field;  ///< that holds the text
  /// What is scored is made of the text; the denominators come from the text as it stands in the
  /// file.
  std::string (*detokenise)(std::string_view) = nullptr;
};

class RollingTask final : public Task {
 public:
  explicit RollingTask(const RollingSuite& suite);

  [[nodiscard]] const TaskInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<Request> requests(
      const Document& document, std::span<const Document* const> shots) const override;
  /// The values are log-likelihoods, the weights words and bytes.
  [[nodiscard]] Score score(const Document& document,
                            std::span<const Response> responses) const override;

 private:
  [[nodiscard]] std::string text_of_document(const Document& document) const;

  RollingSuite suite_;
  TaskInfo info_;
};

/// Pieces of a text cut at runs of white space, empty ones at its ends included (Python's
/// re.split(r"\s+", text)).
int64_t count_words(std::string_view text);

std::span<const RollingSuite> rolling_suites();

}  // namespace hylo::tasks
