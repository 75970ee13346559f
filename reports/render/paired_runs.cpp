#include "reports/render/paired_runs.h"

#include <map>
#include <string>
#include <utility>

#include "reports/compare/paired_losses.h"
#include "reports/store/json_number.h"
#include "reports/store/training_history.h"

namespace hylo::reports {
namespace {

OrderedJson name_of(const TrainingSummary& run) {
  const auto& name = run.description.name;
  return name.empty() ? OrderedJson() : OrderedJson(name);
}

/// The last validation of each data, where it was kept document by document: the end of a stage.
std::map<std::string, TrainingValidation> last_documents(const Store& store,
                                                         const TrainingSummary& run) {
  std::map<std::string, TrainingValidation> last;
  for (auto& row : training_validations(store, run.id)) last[row.data] = std::move(row);
  std::erase_if(last, [](const auto& entry) { return entry.second.documents.empty(); });
  return last;
}

}  // namespace

OrderedJson paired_runs(const Store& store, std::span<const TrainingSummary> runs) {
  auto rows = OrderedJson::array();
  const auto firsts = last_documents(store, runs.front());
  for (const auto& run : runs.subspan(1)) {
    for (const auto& [data, row] : last_documents(store, run)) {
      const auto first = firsts.find(data);
      if (first == firsts.end() || first->second.documents_sha256 != row.documents_sha256) continue;
      const auto paired = paired_losses(row.documents, first->second.documents);
      if (!paired) continue;
      const auto interval = [&](double Interval::*end) {
        return paired->interval ? json_number(*paired->interval.*end) : OrderedJson();
      };
      rows.push_back({{"id", run.id},
                      {"name", name_of(run)},
                      {"first_id", runs.front().id},
                      {"first_name", name_of(runs.front())},
                      {"data", data},
                      {"num_documents", paired->num_documents},
                      {"difference", json_number(paired->difference)},
                      {"standard_error", json_number(paired->standard_error)},
                      {"interval_low", interval(&Interval::low)},
                      {"interval_high", interval(&Interval::high)}});
    }
  }
  return rows;
}

const char* note_on_pairs(const OrderedJson& paired, const OrderedJson& runs) {
  if (!paired.empty()) return paired_note;
  for (const auto& run : runs) {
    for (const auto& row : run["validations"]) {
      if (!row["cross_entropy"].is_null()) return unpaired_note;
    }
  }
  return unpaired_preferences_note;
}

}  // namespace hylo::reports
