#include "harness/cli/student_facts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "harness/base/units.h"
#include "models/cache/predicted.h"
#include "models/upcycle/upcycle.h"
#include "models/weights/weights.h"

namespace hylo::cli {
namespace {

Fact parameter_fact(const models::ModelConfig& teacher, const models::ModelConfig& student) {
  const auto theirs = models::count_parameters(teacher), ours = models::count_parameters(student);
  return {"parameters", ours,
          fmt::format("{}, {:+.1f} % of the teacher's {}", with_thousands(ours),
                      100.0 * static_cast<double>(ours - theirs) / static_cast<double>(theirs),
                      with_thousands(theirs))};
}

Fact cache_fact(const models::ModelConfig& teacher, const models::ModelConfig& student,
                int64_t tokens) {
  const models::CachePrediction prediction{.tokens = tokens};
  const auto ours = models::predicted_bytes(student, prediction);
  const auto theirs = models::predicted_bytes(teacher, prediction).total();
  const auto share = [&](int64_t bytes) {
    return 100.0 * static_cast<double>(bytes) / static_cast<double>(theirs);
  };
  return {fmt::format("cache_at_{}", tokens),
          {{"pages", ours.pages}, {"states", ours.states}, {"teacher", theirs}},
          fmt::format("{} and {} of states: {:.1f} % of the teacher's {} ({:.2f} % without states)",
                      human_bytes(ours.pages), human_bytes(ours.states), share(ours.total()),
                      human_bytes(theirs), share(ours.pages))};
}

}  // namespace

FactSection student_facts(const models::ModelConfig& teacher, const models::ModelConfig& student) {
  const auto layers = models::describe_layers(student);
  const auto dropped = models::dropped_by_upcycling(teacher, student);
  FactSection section{"student",
                      {{"layers", layers, fmt::format("{}", fmt::join(layers, "\n"))},
                       parameter_fact(teacher, student)}};
  const int64_t reach = std::max<int64_t>(teacher.max_positions, 512);
  for (const int64_t tokens : {std::min<int64_t>(reach, 4096), std::max<int64_t>(reach, 65536)}) {
    section.facts.push_back(cache_fact(teacher, student, tokens));
  }
  if (!dropped.empty()) {
    section.facts.push_back({"dropped", dropped, fmt::format("{}", fmt::join(dropped, "\n"))});
  }
  return section;
}

}  // namespace hylo::cli
