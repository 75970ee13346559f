// Is a store sound: what `hylo store check` prints.
#pragma once

#include <string>
#include <vector>

#include "reports/store/store.h"

namespace hylo::reports {

enum class Severity { Note, Problem };

struct Finding {
  Severity severity = Severity::Problem;
  std::string where;  ///< "run 3, arc_easy"
  std::string text;
};

/// The file's structure, its references, every complete run's completeness, prompts against their
/// hashes, and stored aggregates against their scores. Incomplete runs are notes. Reads everything.
std::vector<Finding> check(const Store& store);

}  // namespace hylo::reports
