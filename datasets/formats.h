// The file formats, from bytes to documents.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "datasets/document.h"
#include "datasets/manifest.h"

namespace hylo::datasets {

/// Throws Error, naming the line, unless the bytes are UTF-8; `where` is the file, `first_line` the
/// number of the line that they begin in.
void check_utf8(std::string_view bytes, const std::string& where, int64_t first_line = 1);

/// `where` (the file) opens every message; messages name the line. Throws Error for bytes that are
/// not UTF-8, a line that is not a JSON object, a quote that is not closed, an item that is cut
/// off.
std::vector<Document> parse_documents(Format format, std::string_view bytes,
                                      const std::string& where);

}  // namespace hylo::datasets
