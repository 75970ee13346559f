#include "reports/store/merge.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <sstream>

#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "reports/store/export.h"

namespace hylo::reports {
namespace {

/// Documents that are saved in one transaction.
constexpr int64_t documents_at_once = 256;

struct ShardRun {
  const Store* store;
  RunSummary run;
};
/// The shards of one run, by their numbers.
using Shards = std::map<int64_t, ShardRun>;

/// What a run produced, to hold two runs of one shard against each other.
std::string digest_of(const ShardRun& shard) {
  std::ostringstream out;
  export_samples(*shard.store, shard.run.id, {.text = true, .ids = true}, out);
  return sha256_hex(out.str());
}

/// One shard may have been run twice, or copied; but not with two outcomes, of which one would have
/// to be chosen.
void require_same(const ShardRun& one, const ShardRun& other) {
  require(digest_of(one) == digest_of(other),
          "shard {} was run twice with two outcomes: run {} of {} and run {} of {}; leave one out",
          one.run.description.shard->number, one.run.id, one.store->file().string(), other.run.id,
          other.store->file().string());
}

void add_shards(const Store& store, std::map<std::string, Shards>& wholes) {
  for (const auto& run : store.runs()) {
    const auto& shard = run.description.shard;
    if (!shard) continue;
    auto& shards = wholes[fmt::format("{} {}", shard->whole_key, shard->count)];
    const auto found = shards.find(shard->number);
    const bool is_complete = run.state == RunState::Complete;
    if (found != shards.end() && !is_complete) continue;
    if (found != shards.end() && found->second.run.state == RunState::Complete) {
      require_same(found->second, {&store, run});
    }
    shards.insert_or_assign(shard->number, ShardRun{&store, run});
  }
}

void require_all(const Shards& shards) {
  const auto& first = shards.begin()->second.run.description;
  std::vector<std::string> wrong;
  for (int64_t number = 1; number <= first.shard->count; ++number) {
    const auto found = shards.find(number);
    if (found == shards.end()) {
      wrong.push_back(fmt::format("{} is missing", number));
    } else if (found->second.run.state == RunState::Incomplete) {
      wrong.push_back(fmt::format("{} is incomplete ({} of {} documents, run {} of {})", number,
                                  found->second.run.num_finished, found->second.run.num_documents,
                                  found->second.run.id, found->second.store->file().string()));
    }
  }
  require(
      wrong.empty(),
      "expected all {} shards of what run {} of {} ({}) is one of, but shard {}; run or name them",
      first.shard->count, shards.begin()->second.run.id,
      shards.begin()->second.store->file().string(),
      first.model.value("name", "a model without a name"), fmt::join(wrong, ", shard "));
}

RunDescription whole_description(const Shards& shards, const std::string& name) {
  RunDescription whole = shards.begin()->second.run.description;
  whole.key = whole.shard->whole_key;
  whole.shard.reset();
  whole.name = name;
  whole.settings["merged_from"] = OrderedJson::array();
  for (const auto& [number, shard] : shards) {
    whole.settings["merged_from"].push_back({{"shard", number},
                                             {"store", shard.store->file().string()},
                                             {"run", shard.run.id},
                                             {"argv", shard.run.description.argv},
                                             {"build", shard.run.description.build},
                                             {"machine", shard.run.description.machine}});
  }
  return whole;
}

std::vector<CellDescription> whole_cells(const ShardRun& shard) {
  std::vector<CellDescription> cells;
  for (const auto& cell : shard.store->cells(shard.run.id)) {
    cells.push_back(cell.description);
    cells.back().num_assigned.reset();
  }
  return cells;
}

/// What an interrupted merge had copied is not copied again.
void copy_documents(const ShardRun& shard, int64_t cell, int64_t num_documents, Store& out,
                    const RunHandle& run) {
  const auto there = out.finished_documents(run.id(), cell);
  for (int64_t first = 0; first < num_documents; first += documents_at_once) {
    // Read to the end before anything is written: both may be one file.
    std::vector<DocumentOutput> documents;
    shard.store->read_documents(shard.run.id, cell, {first, first + documents_at_once},
                                [&](const DocumentOutput& document) {
                                  if (!std::ranges::binary_search(there, document.ordinal))
                                    documents.push_back(document);
                                });
    if (!documents.empty()) out.save(run, documents);
  }
}

std::optional<int64_t> complete_run(const Store& store, const std::string& key) {
  for (const auto& run : store.runs()) {
    if (run.description.key == key && run.state == RunState::Complete) return run.id;
  }
  return std::nullopt;
}

MergedRun merge(const Shards& shards, Store& out, const std::string& name) {
  const auto description = whole_description(shards, name);
  MergedRun merged{.num_shards = std::ssize(shards)};
  for (const auto& [number, shard] : shards) merged.num_documents += shard.run.num_finished;
  if (const auto there = complete_run(out, description.key); there && name.empty()) {
    merged.id = *there;
    merged.was_there = true;
    return merged;
  }
  const auto cells = whole_cells(shards.begin()->second);
  auto run = out.begin(description, cells);
  merged.id = run.id();
  merged.was_there = run.is_complete();
  if (merged.was_there) return merged;
  for (size_t cell = 0; cell < cells.size(); ++cell) {
    for (const auto& [number, shard] : shards) {
      copy_documents(shard, static_cast<int64_t>(cell), cells[cell].num_documents, out, run);
    }
  }
  out.finish(run);
  return merged;
}

}  // namespace

std::vector<MergedRun> merge_shards(std::span<const std::filesystem::path> inputs,
                                    const std::filesystem::path& into, const std::string& name) {
  std::vector<Store> stores;
  stores.reserve(inputs.size());
  for (const auto& file : inputs) stores.push_back(Store::open(file, {.read_only = true}));
  std::map<std::string, Shards> wholes;
  for (const auto& store : stores) add_shards(store, wholes);
  require(
      !wholes.empty(), "there is no shard in {}; `hylo eval --shard 1/2` runs one",
      fmt::join(inputs | std::views::transform([](const auto& f) { return f.string(); }), ", "));
  require(name.empty() || wholes.size() == 1,
          "--name: there are shards of {} runs; name stores with the shards of one", wholes.size());
  // Before anything is written: a store is not made for shards that make no run.
  for (const auto& [key, shards] : wholes) require_all(shards);
  auto out = Store::open(into);
  std::vector<MergedRun> merged;
  for (const auto& [key, shards] : wholes) merged.push_back(merge(shards, out, name));
  return merged;
}

}  // namespace hylo::reports
