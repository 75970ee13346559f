#include "tasks/perplexity/wikitext.h"

#include <array>
#include <utility>

#include "harness/base/regex.h"
#include "harness/base/unicode.h"

namespace hylo::tasks {
namespace {

using Replacement = std::pair<std::string_view, std::string_view>;

constexpr std::array spacing{
    Replacement{" @-@ ", "-"}, Replacement{" @,@ ", ","}, Replacement{" @.@ ", "."},
    Replacement{" : ", ": "},  Replacement{" ; ", "; "},  Replacement{" . ", ". "},
    Replacement{" ! ", "! "},  Replacement{" ? ", "? "},  Replacement{" , ", ", "},
};
constexpr std::array pairs{std::pair{'(', ')'}, std::pair{'[', ']'}, std::pair{'{', '}'},
                           std::pair{'"', '"'}, std::pair{'\'', '\''}};
constexpr std::array rest{
    Replacement{"= = = =", "===="},    Replacement{"= = =", "==="}, Replacement{"= =", "=="},
    Replacement{" \u00b0 ", "\u00b0"}, Replacement{" \n", "\n"},    Replacement{"\n ", "\n"},
    Replacement{" N ", " 1 "},         Replacement{" 's", "'s"},
};

/// White space just inside of each pair removed; a pair ends at the first closing sign, lines later
/// too.
std::string tighten(std::string_view text, char open, char close) {
  std::string out;
  size_t copied = 0;
  for (size_t begin = text.find(open); begin != std::string_view::npos;
       begin = text.find(open, copied)) {
    const size_t end = text.find(close, begin + 1);
    if (end == std::string_view::npos) break;
    out.append(text.substr(copied, begin + 1 - copied));
    out.append(python_strip(text.substr(begin + 1, end - begin - 1)));
    out += close;
    copied = end + 1;
  }
  return out.append(text.substr(copied));
}

}  // namespace

std::string detokenise_wikitext(std::string_view page) {
  // The original writes this pattern between slashes, so that it fires on slashes and replaces them
  // by its own text.
  static const Regex quoted_digit("/' [0-9]/");
  std::string text = replace_all(page, "s '", "s'");
  text = quoted_digit.replace(text, "/'[0-9]/");
  for (const auto& [from, to] : spacing) text = replace_all(text, from, to);
  for (const auto& [open, close] : pairs) text = tighten(text, open, close);
  for (const auto& [from, to] : rest) text = replace_all(text, from, to);
  return text;
}

}  // namespace hylo::tasks
