// Searches for a placement: how much each layer gained by the stronger mixer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "harness/base/json.h"
#include "reports/store/store.h"

namespace hylo::reports {

struct PlacementScore {
  int64_t layer = 0;
  int64_t round = 0;  ///< how many layers had been chosen before
  double score = 0;   ///< nats a token
  double standard_error = 0;
  double divergence = 0;  ///< of the candidate from the teacher
};

struct PlacementRecord {
  int64_t id = 0;           ///< given by the store
  std::string made;         ///< ISO-8601 UTC; given by the store
  OrderedJson description;  ///< "method", "base", "chosen", settings and hashes
  std::vector<std::string> argv;
  std::vector<PlacementScore> scores;
};

/// One transaction. Gives the id.
int64_t add_placement(Store& store, const PlacementRecord& record);

std::vector<PlacementRecord> placements(const Store& store);  ///< oldest first
/// By id, or "latest". Throws Error where there is none.
PlacementRecord find_placement(const Store& store, std::string_view id_or_latest);

}  // namespace hylo::reports
