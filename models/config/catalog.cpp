#include "models/config/catalog.h"

#include <algorithm>
#include <iterator>

#include "harness/base/error.h"
#include "harness/base/unicode.h"
#include "models/config/catalog_rows.h"

namespace hylo::models {

const std::vector<CatalogEntry>& catalog() {
  static const auto entries = [] {
    auto made = transformer_entries();
    std::ranges::move(hybrid_entries(made), std::back_inserter(made));
    std::ranges::move(published_entries(), std::back_inserter(made));
    return made;
  }();
  return entries;
}

const CatalogEntry& find_entry(const std::vector<CatalogEntry>& entries, std::string_view name) {
  const auto found = std::ranges::find(entries, name, &CatalogEntry::name);
  if (found != entries.end()) return *found;
  std::vector<std::string> names;
  for (const auto& entry : entries) names.push_back(entry.name);
  const auto near = nearest(name, names);
  fail("unknown model '{}';{} `hylo list models` names those that are known", name,
       near ? fmt::format(" did you mean '{}'?", *near) : "");
}

const CatalogEntry& find_model(std::string_view name) { return find_entry(catalog(), name); }

}  // namespace hylo::models
