// Tables in text files: CSV as RFC 4180 has it, and OpenBookQA's table.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "datasets/document.h"

namespace hylo::datasets {

/// The first record names the fields; each further one is a document whose values are texts. A
/// quoted value may hold commas, line feeds and doubled quotes. Throws Error, naming the line, for
/// a quote that is not closed or stands inside a bare value, and for a record with more or fewer
/// values than the header.
std::vector<Document> parse_csv(std::string_view bytes, const std::string& where);

/// OpenBookQA's Main/*.tsv: one record a line, values cut at tabs, quotes are ordinary signs. The
/// choices "(A) ... (B) ..." become a list and the answer's letter its number, so that fields are
/// those of the published set: question_stem, choices, gold.
std::vector<Document> parse_openbookqa(std::string_view bytes, const std::string& where);

}  // namespace hylo::datasets
