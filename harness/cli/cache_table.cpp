#include "harness/cli/cache_table.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "harness/base/units.h"
#include "harness/cli/output.h"
#include "models/cache/predicted.h"
#include "reports/render/table.h"

namespace hylo::cli {
namespace {

constexpr std::array<int64_t, 10> lengths{4096,   8192,   16384,  32768,   65536,
                                          131072, 262144, 524288, 1048576, 2097152};
/// A state that weighs less than this share of the pages no longer matters.
constexpr int64_t fading_share = 10;

models::CacheBytes bytes_at(const models::ModelConfig& config, int64_t tokens,
                            models::NumberType type) {
  return models::predicted_bytes(config,
                                 {.tokens = tokens, .element_bytes = models::bytes_of(type)});
}

/// Bytes that one token more costs where every window is full.
int64_t growth(const models::ModelConfig& config, models::NumberType type) {
  return (bytes_at(config, lengths.back(), type).pages -
          bytes_at(config, lengths.back() / 2, type).pages) /
         (lengths.back() / 2);
}

std::string length_text(int64_t tokens) {
  return tokens >= 1048576 ? fmt::format("{}M", tokens / 1048576)
                           : fmt::format("{}K", tokens / 1024);
}

double share(int64_t part, int64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole);
}

OrderedJson json_of(const CacheTable& table) {
  OrderedJson json{{"model", table.model},
                   {"type", models::type_name(table.type)},
                   {"bytes_per_token", growth(table.config, table.type)},
                   {"state_bytes", bytes_at(table.config, 1, table.type).states}};
  const auto fades = tokens_where_state_fades(table.config, table.type);
  json["state_fades_at_tokens"] = fades ? OrderedJson(*fades) : OrderedJson(nullptr);
  json["teacher"] = table.reference ? OrderedJson(table.teacher) : OrderedJson(nullptr);
  if (table.reference) json["teacher_bytes_per_token"] = growth(*table.reference, table.type);
  json["lengths"] = OrderedJson::array();
  for (const int64_t tokens : lengths) {
    const auto own = bytes_at(table.config, tokens, table.type);
    OrderedJson row{{"tokens", tokens},
                    {"page_bytes", own.pages},
                    {"state_bytes", own.states},
                    {"total_bytes", own.total()}};
    if (table.reference) {
      const auto theirs = bytes_at(*table.reference, tokens, table.type).total();
      row["teacher_bytes"] = theirs;
      row["page_share"] = share(own.pages, theirs);
      row["total_share"] = share(own.total(), theirs);
    }
    json["lengths"].push_back(row);
  }
  return json;
}

reports::Table drawn(const CacheTable& table) {
  using reports::Align;
  reports::Table out{.columns = {{"Tokens", Align::Right}, {"Cache", Align::Right}}, .rows = {}};
  if (table.reference) out.columns.push_back({"of teacher's", Align::Right});
  out.columns.push_back({"State", Align::Right});
  out.columns.push_back({"Both", Align::Right});
  if (table.reference) out.columns.push_back({"of teacher's", Align::Right});
  if (table.reference) out.columns.push_back({table.teacher, Align::Right});
  for (const int64_t tokens : lengths) {
    const auto own = bytes_at(table.config, tokens, table.type);
    std::vector<reports::Cell> row{{length_text(tokens)}, {human_bytes(own.pages)}};
    const int64_t theirs =
        table.reference ? bytes_at(*table.reference, tokens, table.type).total() : 0;
    if (table.reference) row.push_back({fmt::format("{:.3f} %", 100 * share(own.pages, theirs))});
    row.push_back({human_bytes(own.states)});
    row.push_back({human_bytes(own.total())});
    if (table.reference) row.push_back({fmt::format("{:.3f} %", 100 * share(own.total(), theirs))});
    if (table.reference) row.push_back({human_bytes(theirs)});
    out.rows.push_back(std::move(row));
  }
  return out;
}

std::string below(const CacheTable& table) {
  const auto states = bytes_at(table.config, 1, table.type).states;
  auto text = fmt::format(
      "One sequence, {}; a token costs {} bytes{}.\n", models::type_name(table.type),
      with_thousands(growth(table.config, table.type)),
      table.reference ? fmt::format(", of the teacher's {}",
                                    with_thousands(growth(*table.reference, table.type)))
                      : "");
  if (states == 0) return text + "No layer has a recurrent state.\n";
  text += fmt::format("Recurrent states are constant, {} ({} bytes) with convolution tails",
                      human_bytes(states), with_thousands(states));
  const auto fades = tokens_where_state_fades(table.config, table.type);
  return text + (fades ? fmt::format("; from {} tokens on they weigh less than a tenth of the "
                                     "cache.\n",
                                     with_thousands(*fades))
                       : "; no layer keeps every token.\n");
}

}  // namespace

std::optional<int64_t> tokens_where_state_fades(const models::ModelConfig& config,
                                                models::NumberType type) {
  const auto states = bytes_at(config, 1, type).states;
  if (states == 0) return 0;
  if (growth(config, type) == 0) return std::nullopt;
  int64_t low = 0, high = 1;
  const auto has_faded = [&](int64_t tokens) {
    return bytes_at(config, tokens, type).pages > fading_share * states;
  };
  while (!has_faded(high)) high *= 2;
  while (high - low > 1) (has_faded((low + high) / 2) ? high : low) = (low + high) / 2;
  return high;
}

void print_cache_table(const CacheTable& table, bool json) {
  if (json) return print_json(json_of(table));
  print_out(reports::draw_terminal(drawn(table), reports::terminal_options(STDOUT_FILENO)) + "\n" +
            below(table));
}

}  // namespace hylo::cli
