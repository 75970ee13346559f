// A small grammar of story openings: frames with places for people, animals and things.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/base/json.h"
#include "harness/base/random.h"
#include "tasks/prompts/text_template.h"

namespace hylo::tasks {

struct StoryFrame {
  std::string kind;  ///< of the break
  TextTemplate opening;
  TextTemplate sensible;
  std::optional<TextTemplate> broken;  ///< absent: the words of the sensible one in another order
};

struct StoryGrammar {
  std::vector<Json> girls;  ///< name, child, she, her, him
  std::vector<Json> boys;
  std::vector<std::pair<std::string, std::vector<std::string>>> lists;  ///< place in a frame: words
  std::vector<StoryFrame> frames;
};

/// Throws Error with the path of the key for what is missing, misspelt or does not parse.
StoryGrammar read_story_grammar(const std::filesystem::path& file);

/// The words between blanks in another order, another word first; the last sign stays where it is.
/// Throws Error for a text whose words are all alike.
std::string with_words_moved(const std::string& text, CounterRandom& random);

}  // namespace hylo::tasks
