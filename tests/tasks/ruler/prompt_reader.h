// A system that answers RULER by reading: it is given a prompt and nothing else.
#pragma once

#include <string>
#include <string_view>

namespace hylo::tests {

/// The answer to a prompt of any of the 13 tasks; for qa only to questions about the generated
/// texts. Empty where it finds none.
std::string answer_by_reading(std::string_view prompt);

}  // namespace hylo::tests
