// Shards of a run to the run that they make up.
#pragma once

#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "reports/store/store.h"

namespace hylo::reports {

struct MergedRun {
  int64_t id = 0;          ///< in the store that it was written to
  bool was_there = false;  ///< complete before: nothing was written
  int64_t num_shards = 0;
  int64_t num_documents = 0;
};

/// Every run of which all shards are complete in `inputs` becomes a whole, complete run in the
/// store `into`, which is made if it is not there, as if one process had run it. `name` is the name
/// of the only one, may be empty. Throws Error, before anything is written, when there are no
/// shards, when some are missing or incomplete (which), when one was run twice with two outcomes,
/// or when a name is given and there are several runs. A merge that was interrupted goes on.
std::vector<MergedRun> merge_shards(std::span<const std::filesystem::path> inputs,
                                    const std::filesystem::path& into, const std::string& name);

}  // namespace hylo::reports
