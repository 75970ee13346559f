#include "reports/render/placement_report.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <ranges>

#include "reports/render/cell_text.h"

namespace hylo::reports {
namespace {

constexpr int64_t bar_width = 24;

OrderedJson search_json(const PlacementRecord& record) {
  OrderedJson search{{"id", record.id}, {"made", record.made}};
  search.update(record.description);
  return search;
}

bool is_chosen(const OrderedJson& chosen, int64_t layer) {
  return std::ranges::any_of(chosen, [&](const OrderedJson& one) { return one == layer; });
}

std::string signed_number(const OrderedJson& value) {
  return fmt::format("{:+.5f}", value.get<double>());
}

/// "1, 5, 10".
std::string layers_text(const OrderedJson& layers) {
  return fmt::format("{}", fmt::join(layers.get<std::vector<int64_t>>(), ", "));
}

/// Full blocks, as long as the value's share of the largest; of a score below 0 nothing.
std::string bar(double value, double largest) {
  if (!(value > 0)) return "";
  std::string blocks;
  const auto length = std::max<int64_t>(1, std::llround(value / largest * bar_width));
  for (int64_t i = 0; i < length; ++i) blocks += "\u2588";
  return blocks;
}

}  // namespace

OrderedJson placement_report(const PlacementRecord& record) {
  auto rows = OrderedJson::array();
  const auto chosen = record.description.value("chosen", OrderedJson::array());
  for (const auto& score : record.scores) {
    rows.push_back({{"round", score.round},
                    {"layer", score.layer},
                    {"score", score.score},
                    {"standard_error", score.standard_error},
                    {"divergence", score.divergence},
                    {"is_chosen", is_chosen(chosen, score.layer)}});
  }
  auto notes = OrderedJson::array(
      {"scores are nats a token that the stronger mixer is worth in this layer; errors are paired, "
       "over documents"});
  return {
      {"report", "placement"}, {"search", search_json(record)}, {"scores", rows}, {"notes", notes}};
}

OrderedJson placement_list_report(const Store& store) {
  auto searches = OrderedJson::array();
  const auto records = placements(store);
  for (const auto& record : records | std::views::reverse) {
    searches.push_back(search_json(record));
  }
  return {{"report", "placement_list"},
          {"store", store.file().string()},
          {"searches", searches},
          {"notes", OrderedJson::array()}};
}

std::string placement_title(const OrderedJson& report) {
  const auto& search = report["search"];
  return fmt::format("Placement search {}: {} of {}, layers {}", text_of(search["id"]),
                     text_of(search["method"]), text_of(search["base"]["name"]),
                     layers_text(search["chosen"]));
}

std::string placement_subtitle(const OrderedJson& report) {
  const auto& search = report["search"];
  return fmt::format("{} documents, {} tokens; made {}",
                     thousands_of(search["documents"]["num_documents"]),
                     thousands_of(search["documents"]["num_tokens"]), text_of(search["made"]));
}

Table placement_table(const OrderedJson& report) {
  Table table{.columns = {{"Round", Align::Right, 0, "0"},
                          {"Layer", Align::Right},
                          {"Score", Align::Right},
                          {"\u00b1", Align::Right},
                          {"Divergence", Align::Right, 2},
                          {"", Align::Left, 0, ""},
                          {"", Align::Left, 1}}};
  double largest = 0;
  for (const auto& row : report["scores"]) largest = std::max(largest, row["score"].get<double>());
  for (const auto& row : report["scores"]) {
    table.rows.push_back({{text_of(row["round"])},
                          {text_of(row["layer"])},
                          {signed_number(row["score"])},
                          {rounded(row["standard_error"])},
                          {rounded(row["divergence"])},
                          {row["is_chosen"].get<bool>() ? "chosen" : ""},
                          {bar(row["score"].get<double>(), largest)}});
  }
  return without_unremarkable_columns(table);
}

Table placement_list_table(const OrderedJson& report) {
  Table table{.columns = {{"Search", Align::Right},
                          {"Method"},
                          {"Base"},
                          {"Layers chosen"},
                          {"Documents", Align::Right, 1},
                          {"Made", Align::Left, 2}}};
  for (const auto& search : report["searches"]) {
    table.rows.push_back({{text_of(search["id"])},
                          {text_of(search["method"])},
                          {text_of(search["base"]["name"])},
                          {layers_text(search["chosen"])},
                          {thousands_of(search["documents"]["num_documents"])},
                          {text_of(search["made"])}});
  }
  return table;
}

}  // namespace hylo::reports
