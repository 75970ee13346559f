// The tables that the catalogue is made of.
#pragma once

#include <vector>

#include "models/config/catalog.h"

namespace hylo::models {

/// Published Transformers: teachers, and dense models to compare with.
std::vector<CatalogEntry> transformer_entries();
/// Hybrids, most of which are a teacher with other mixers.
std::vector<CatalogEntry> hybrid_entries(const std::vector<CatalogEntry>& teachers);
/// Hybrids that were trained from scratch, and mixtures of experts.
std::vector<CatalogEntry> published_entries();

/// The entry of that name; throws Error with the nearest name when there is none.
const CatalogEntry& find_entry(const std::vector<CatalogEntry>& entries, std::string_view name);

}  // namespace hylo::models
