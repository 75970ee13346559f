#include "tasks/ruler/sources.h"

#include <algorithm>
#include <unordered_map>

#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/base/unicode.h"
#include "tasks/ruler/folders.h"
#include "tasks/ruler/generated_sources.h"
#include "tasks/ruler/qa_files.h"

namespace hylo::tasks::ruler {
namespace {

namespace fs = std::filesystem;

void require_there(const fs::path& path, std::string_view what) {
  require(kind_of(path) != fs::file_type::not_found, "{}: {} not found", path.string(), what);
}

std::vector<std::string> word_list(const fs::path& file, Sha256& identity) {
  const auto text = read_source_text(file);
  identity.update(text).update(std::string_view("\0", 1));
  std::vector<std::string> words;
  for (const auto line : lines_of(text)) {
    words.emplace_back(python_rstrip(line));
    require(!words.back().empty(), "{}:{}: expected a word, found an empty line", file.string(),
            words.size());
  }
  return words;
}

Words words_of(const fs::path& folder, OrderedJson& identity) {
  if (folder.empty()) {
    identity = generated_revision;
    return generated_words();
  }
  require(kind_of(folder) == fs::file_type::directory,
          "{}: expected a folder with nounlist.txt, adjectivelist.txt and verblist.txt",
          folder.string());
  Sha256 sha256;
  Words words;
  words.nouns = word_list(folder / "nounlist.txt", sha256);
  words.adjectives = word_list(folder / "adjectivelist.txt", sha256);
  words.verbs = word_list(folder / "verblist.txt", sha256);
  identity = sha256.hex();
  return words;
}

/// The values of an object in the order of the file; one that comes twice keeps its first place and
/// has its last value, as in Python. Read by events: an ordered object of this size takes hours.
std::vector<std::string> values_in_file_order(const std::string& text, const std::string& file) {
  std::vector<std::string> values;
  std::unordered_map<std::string, size_t> places;
  size_t place = 0;
  const auto on_event = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (depth == 1 && event == Json::parse_event_t::key) {
      place = places.emplace(parsed.get<std::string>(), values.size()).first->second;
      if (place == values.size()) values.emplace_back();
    } else if (event == Json::parse_event_t::value) {
      require(depth == 1 && !values.empty() && parsed.is_string(),
              "{}: expected an object whose values are words, found {}", file, parsed.type_name());
      values[place] = parsed.get<std::string>();
    }
    return event != Json::parse_event_t::value;
  };
  try {
    const Json discarded = Json::parse(text, on_event);
  } catch (const Json::exception& error) {
    fail("{}: not JSON: {}", file, error.what());
  }
  require(!values.empty() && !std::ranges::count(values, ""),
          "{}: expected an object whose values are words, found none or an empty one", file);
  return values;
}

std::vector<std::string> more_words_of(const fs::path& file, OrderedJson& identity) {
  if (file.empty()) {
    identity = generated_revision;
    return generated_more_words();
  }
  require_there(file, "more words");
  const auto text = read_source_text(file);
  identity = sha256_hex(text);
  return values_in_file_order(text, file.string());
}

std::string texts_of_folder(const fs::path& folder) {
  const auto files =
      files_in(folder, [](const fs::path& path) { return path.extension() == ".txt"; });
  require(!files.empty(), "{}: expected texts (*.txt) in this folder, found none", folder.string());
  std::string all;
  for (const auto& file : files) all += read_source_text(file) + "\n";
  return all;
}

std::string essay_at(const fs::path& path) {
  require_there(path, "essays");
  if (kind_of(path) == fs::file_type::directory) return texts_of_folder(path);
  auto text = read_source_text(path);
  if (path.extension() != ".json") return text;
  const Json json = parse_json(text, path.string());
  JsonReader reader(json, path.string());
  text = reader.get<std::string>("text");
  require(!python_strip(text).empty(), "{}: is empty, expected a text", reader.path_of("text"));
  return text;
}

std::string essay_of(const fs::path& path, OrderedJson& identity) {
  if (path.empty()) {
    identity = generated_revision;
    return generated_essay();
  }
  auto text = essay_at(path);
  identity = sha256_hex(text);
  return text;
}

QaSet questions_of(const fs::path& file, OrderedJson& identity, QaSet (*read)(const fs::path&),
                   QaSet (*generate)()) {
  if (file.empty()) {
    identity = generated_revision;
    return generate();
  }
  require_there(file, "questions");
  require(kind_of(file) != fs::file_type::directory,
          "{}: a folder; expected the file of questions itself", file.string());
  identity = sha256_of_file(file);
  return read(file);
}

}  // namespace

Sources read_sources(const SourcePaths& paths) {
  Sources sources;
  auto& identity = sources.identity;
  sources.words = words_of(paths.words, identity["words"]);
  sources.more_words = more_words_of(paths.more_words, identity["more_words"]);
  sources.essay = essay_of(paths.essays, identity["essays"]);
  sources.squad = questions_of(paths.squad, identity["squad"], read_squad, generated_squad);
  sources.hotpotqa =
      questions_of(paths.hotpotqa, identity["hotpotqa"], read_hotpotqa, generated_hotpotqa);
  return sources;
}

}  // namespace hylo::tasks::ruler
