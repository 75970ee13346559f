// hylo upcycle --placement smart and its like: which layers get the stronger mixer, by measurement.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "harness/base/json.h"
#include "harness/cli/facts.h"
#include "models/upcycle/placement_search.h"
#include "models/upcycle/upcycle.h"

namespace hylo::cli {

struct PlacementSearchOptions {
  int64_t select = 0;                            ///< how many layers
  std::string weaker, stronger;                  ///< mixers as in a placement
  std::string weaker_student, stronger_student;  ///< folders; empty: conversions of the base
  std::string documents, separator;
  int64_t max_documents = 64, max_tokens = 512;
  std::string scores;  ///< file; empty: none
  std::string store;
};

/// What a search chose, and the student that it makes.
struct FoundPlacement {
  OrderedJson document;  ///< scores, settings, hashes; "placement" as --placement wants it
  models::Decoder student;
  std::string made_of;  ///< "upcycled, not trained", or of what
};

void add_search_options(CLI::App& verb, PlacementSearchOptions& options);

/// Measures, tells the scores as they come, writes them to the file and the store. Throws Error for
/// options that are missing, and for candidates that are not made of the base.
FoundPlacement find_placement(models::SearchMethod method, const std::filesystem::path& base,
                              const models::UpcycleOptions& upcycling,
                              const PlacementSearchOptions& options);

/// For people: how and on what was measured, and what was chosen.
FactSection search_facts(const OrderedJson& document);

/// The placement in a file that find_placement wrote, or in any other: as it is.
Json placement_in(const Json& file);

}  // namespace hylo::cli
