// The words of Punkt: what stands left and right of a possible sentence end, cut into tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hylo::tasks::ruler {

/// Whether the character can not be inside a word: ) " ; } ] * : @ ' ( { [ ? !
bool is_outside_words(char c);

/// Splits off punctuation other than full stops; "--", "..." and ". . ." stay together. White space
/// belongs to no word.
std::vector<std::string_view> punkt_words(std::string_view text);

/// Lower case, and "##number##" for what is a number.
std::string punkt_type(std::string_view word);

}  // namespace hylo::tasks::ruler
