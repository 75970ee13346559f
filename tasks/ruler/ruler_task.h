// A task of RULER over a sample set.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tasks/core/task.h"
#include "tasks/core/task_data.h"
#include "tasks/ruler/ruler_spec.h"
#include "tasks/ruler/sample_set.h"

namespace hylo::tasks::ruler {

/// Metrics: "score", the share of the references that are found (or whether any is), from 0 to 1;
/// "null", 1 for an empty prediction. Documents have the fields prompt, references, cluster and
/// meta.
class RulerTask : public Task {
 public:
  /// The task as lists show it; it has no documents.
  explicit RulerTask(const RulerSpec& spec);
  /// The task at a length: "vt@4096".
  RulerTask(const RulerSpec& spec, int64_t length);

  [[nodiscard]] const TaskInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<Request> requests(
      const Document& document, std::span<const Document* const> shots) const override;
  /// Throws Error for a chat or a system instruction: samples are built to a length without them,
  /// and the answer prefix would stand in the user's turn.
  [[nodiscard]] std::vector<Request> requests_in(
      const PromptForm& form, const Document& document,
      std::span<const Document* const> shots) const override;
  [[nodiscard]] Score score(const Document& document,
                            std::span<const Response> responses) const override;
  [[nodiscard]] std::string cluster_of(const Document& document) const override;
  /// "depth": the tenth of the haystack, 0 to 9, in which the only needle asked for or the only
  /// golden document lies. Absent where the haystack has fewer than ten places.
  [[nodiscard]] OrderedJson tags_of(const Document& document) const override;
  /// Throws Error: documents come from a sample set.
  [[nodiscard]] std::vector<Document> generate_documents() const override;

 private:
  const RulerSpec& spec_;
  TaskInfo info_;
};

/// A set as the documents of its task, verified; the set's address is their hash. Documents that
/// are not independent, at this length or at another one, are of one cluster: questions of one
/// article, one question, in the compat mode also samples that ask for the same.
struct OpenSampleSet {
  TaskData data;
  std::shared_ptr<const SampleReader> samples;
};
OpenSampleSet open_sample_set(const std::filesystem::path& file);

/// What a model is given: the text of the field `prompt`.
std::string prompt_of(Sample sample);

}  // namespace hylo::tasks::ruler
