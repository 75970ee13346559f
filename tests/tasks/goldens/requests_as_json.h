// Requests as Python's json.dumps writes them, whose hashes are recorded.
#pragma once

#include <string>
#include <vector>

#include "harness/base/json.h"

namespace hylo::tasks {

/// A list of lists of texts with ", " between elements and every sign beyond ASCII escaped.
inline std::string python_json(const std::vector<std::vector<std::string>>& lists) {
  std::string out = "[";
  for (size_t i = 0; i < lists.size(); ++i) {
    out += i == 0 ? "[" : ", [";
    for (size_t j = 0; j < lists[i].size(); ++j) {
      out += (j == 0 ? "" : ", ") + Json(lists[i][j]).dump(-1, ' ', /*ensure_ascii=*/true);
    }
    out += "]";
  }
  return out + "]";
}

}  // namespace hylo::tasks
