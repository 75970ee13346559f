// The file formats, from bytes to documents.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "datasets/document.h"
#include "datasets/manifest.h"

namespace hylo::datasets {

/// `where` (the file) opens every message; messages name the line. Throws Error for bytes that are
/// not UTF-8, a line that is not a JSON object, a quote that is not closed, an item that is cut
/// off.
std::vector<Document> parse_documents(Format format, std::string_view bytes,
                                      const std::string& where);

}  // namespace hylo::datasets
