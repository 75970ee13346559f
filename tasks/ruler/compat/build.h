// The families of tasks, each with its haystack; compat.cpp picks one.
#pragma once

#include <functional>
#include <vector>

#include "tasks/ruler/compat.h"
#include "tasks/ruler/compat/draft.h"
#include "tasks/ruler/compat/fitting.h"
#include "tasks/ruler/compat/streams.h"
#include "tasks/ruler/prompts.h"

namespace hylo::tasks::ruler::compat {

/// What every family works with.
struct Build {
  const BuildRequest& request;
  const Sources& sources;
  const CountTokens& count;
  int64_t max_redraws;
  RulerPrompts prompts;
  Streams streams;
  std::function<void(Fitted)> on_sample;

  /// A shorter length is built in other steps.
  [[nodiscard]] bool is_short() const { return request.length < 4096; }
  [[nodiscard]] Fitting fitting(std::string_view unit, int64_t step) const {
    return {.task = std::string(request.spec.name),
            .unit = unit,
            .length = request.length,
            .max_new_tokens = request.spec.max_new_tokens,
            .step = step,
            .estimate_at = step};
  }
  void make_samples(const Fitting& fitting, int64_t units, const Draw& draw) {
    const SampleLoop loop{fitting, streams, draw, count, max_redraws};
    for (int64_t sample = 0; sample < request.num_samples; ++sample) {
      on_sample(make_sample(loop, units, static_cast<size_t>(sample)));
    }
  }
};

// Each gives its searches in order.
std::vector<Fit> build_niah(Build& build, const NiahSpec& spec);
std::vector<Fit> build_vt(Build& build, const VtSpec& spec);
std::vector<Fit> build_cwe(Build& build, const CweSpec& spec);
std::vector<Fit> build_fwe(Build& build, const FweSpec& spec);
std::vector<Fit> build_qa(Build& build, const QaSpec& spec);

/// What a task asks about; none where samples are drawn without end.
const QaSet* questions_of(const RulerSpec& spec, const Sources& sources);

}  // namespace hylo::tasks::ruler::compat
