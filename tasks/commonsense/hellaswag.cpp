#include "tasks/commonsense/hellaswag.h"

#include "harness/base/regex.h"
#include "harness/base/unicode.h"

namespace hylo::tasks {

std::string clean_hellaswag(std::string_view text) {
  static const Regex brackets(R"(\[.*?\])");
  const auto titled = replace_all(python_strip(text), " [title]", ". ");
  return replace_all(brackets.replace(titled, ""), "  ", " ");
}

}  // namespace hylo::tasks
