// Python's way to write lists, dictionaries and texts, which some published fields hold as text.
// Source: The Python Language Reference, section 2.4.1 (string literals).
#pragma once

#include <string_view>

#include "harness/base/json.h"

namespace hylo::tasks {

/// What ast.literal_eval makes of lists, tuples, dictionaries with texts as keys, texts ('...' or
/// "...", with escapes), whole numbers, True, False and None. Throws Error with the offset of what
/// is none of these.
Json parse_python_literal(std::string_view text);

}  // namespace hylo::tasks
