// Finished documents into rows, by statements that are prepared once.
#pragma once

#include <SQLiteCpp/Statement.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "reports/store/records.h"

namespace hylo::reports {

/// A cell of the run that is being written, with its rows' ids.
struct CellRow {
  int64_t id = 0;
  CellDescription description;
  std::vector<int64_t> metric_ids;  ///< of description.metrics
};

class Writer {
 public:
  explicit Writer(SQLite::Database& database);

  /// Inside the caller's transaction.
  void write(std::span<const CellRow> cells, const DocumentOutput& document);

 private:
  int64_t insert_document(const CellRow& cell, const DocumentOutput& document);
  void insert_output(int64_t document, const RequestOutput& output);
  void insert_score(int64_t document, int64_t metric, const DocumentScore& score);
  int64_t prompt_id(const std::string& text, std::span<const int32_t> ids);
  int64_t find_or_insert_prompt(const std::string& text, std::span<const int32_t> ids);

  SQLite::Database& database_;
  SQLite::Statement document_, output_, score_, find_prompt_, prompt_;
  // The choices of a question follow each other with one context.
  struct {
    const std::string* text = nullptr;
    std::span<const int32_t> ids;
    int64_t id = 0;
  } last_prompt_;
};

}  // namespace hylo::reports
