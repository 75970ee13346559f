#include "harness/base/json.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "harness/base/files.h"
#include "harness/base/unicode.h"

namespace hylo {
namespace {

/// Puts quotes around bare Infinity, -Infinity and NaN outside of strings.
std::string with_quoted_non_numbers(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  bool in_string = false;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (in_string) {
      out += c;
      if (c == '\\' && i + 1 < text.size()) out += text[++i];
      in_string = c != '"';
      ++i;
      continue;
    }
    in_string = c == '"';
    bool replaced = false;
    for (const std::string_view word : {"-Infinity", "Infinity", "NaN"}) {
      if (text.substr(i).starts_with(word)) {
        out += fmt::format("\"{}\"", word);
        i += word.size();
        replaced = true;
        break;
      }
    }
    if (!replaced) {
      out += c;
      ++i;
    }
  }
  return out;
}

/// Follows a parser through a text and throws at a key that its object had before.
class RefuseTwice {
 public:
  explicit RefuseTwice(const std::string& where) : where_(where) {}

  bool operator()(int /*depth*/, Json::parse_event_t event, const Json& parsed) {
    using enum Json::parse_event_t;
    switch (event) {
      case object_start:
      case array_start:
        begin_value();
        open_.push_back({.is_list = event == array_start});
        break;
      case object_end:
      case array_end:
        open_.pop_back();
        break;
      case key:
        take_key(parsed.get_ref<const std::string&>());
        break;
      case value:
        begin_value();
        break;
    }
    return true;
  }

 private:
  struct Open {
    bool is_list = false;
    int64_t place = -1;  ///< of the value in a list
    std::string key;     ///< of the value in an object
    std::set<std::string> keys;
  };

  void begin_value() {
    if (!open_.empty()) ++open_.back().place;
  }
  void take_key(const std::string& key) {
    open_.back().key = key;
    require(open_.back().keys.insert(key).second,
            "{}: the key is there twice; leave one of them out", path());
  }
  [[nodiscard]] std::string path() const {
    auto path = where_;
    for (const auto& open : open_) {
      path += open.is_list ? fmt::format("[{}]", open.place) : "." + open.key;
    }
    return path;
  }

  const std::string& where_;
  std::vector<Open> open_;
};

Json parse(std::string_view text, const std::string& where, bool refuses_twice) {
  if (!refuses_twice) return Json::parse(text);
  return Json::parse(text, RefuseTwice(where));
}

/// Where a parser stopped: the number of bytes that it had read.
std::string place_in(std::string_view text, size_t num_bytes) {
  const auto before = text.substr(0, num_bytes > 0 ? num_bytes - 1 : 0);
  const auto line = std::ranges::count(before, '\n') + 1;
  const auto last_break = before.rfind('\n');
  const auto column =
      last_break == std::string_view::npos ? before.size() : before.size() - last_break - 1;
  return fmt::format("line {}, column {}", line, column + 1);
}

/// In our words: the parser's own name its exceptions and what its grammar expected.
std::string words_for(const Json::exception& error, std::string_view text) {
  const auto* at = dynamic_cast<const Json::parse_error*>(&error);
  if (!at) {
    const std::string_view what = error.what();
    return std::string(what.substr(std::min(what.find("] ") + 2, what.size())));
  }
  if (python_strip(text).empty()) return "it is empty";
  const auto place = place_in(text, std::min(at->byte, text.size() + 1));
  if (at->byte > text.size()) {
    return fmt::format("it ends at {} in the middle of a value; is it cut off?", place);
  }
  const auto found = static_cast<unsigned char>(text[at->byte > 0 ? at->byte - 1 : 0]);
  if (found < ' ') {
    return fmt::format("{}: unexpected byte 0x{:02x}; in texts a line feed is written \\n", place,
                       found);
  }
  if (found > '~') {
    return fmt::format("{}: unexpected byte 0x{:02x}; texts are UTF-8 and stand in double quotes",
                       place, found);
  }
  return fmt::format(
      "{}: unexpected '{}'; keys and texts stand in double quotes, commas between values only",
      place, static_cast<char>(found));
}

/// Bare words of Python are looked for only where it is not JSON as it is.
Json parse_or_fail(std::string_view text, const std::string& where, bool refuses_twice) {
  try {
    return parse(text, where, refuses_twice);
  } catch (const Json::exception& first) {
    const auto quoted = with_quoted_non_numbers(text);
    if (quoted == text) fail("{}: not JSON: {}", where, words_for(first, text));
    try {
      return parse(quoted, where, refuses_twice);
    } catch (const Json::exception& second) {
      fail("{}: not JSON: {}", where, words_for(second, quoted));
    }
  }
}

}  // namespace

Json parse_json(std::string_view text, const std::string& where) {
  return parse_or_fail(text, where, /*refuses_twice=*/false);
}

Json read_json_file(const std::filesystem::path& file) {
  return parse_or_fail(read_text_file(file), file.string(), /*refuses_twice=*/true);
}

void write_json_file(const std::filesystem::path& file, const OrderedJson& json) {
  write_text_file(file, json.dump(2) + "\n");
}

std::string found_value(const Json& json) {
  auto text = json.dump();
  constexpr size_t short_enough = 80;
  if (text.size() <= short_enough) return text;
  if (json.is_array()) return fmt::format("a list of {}", json.size());
  if (json.is_object()) return fmt::format("an object of {} keys", json.size());
  return fmt::format("a text of {} bytes", json.get_ref<const std::string&>().size());
}

JsonReader::JsonReader(const Json& json, std::string path) : json_(&json), path_(std::move(path)) {
  require(json.is_object(), "{}: expected a JSON object, found {}", path_, json.type_name());
}

bool JsonReader::has(std::string_view key) const {
  asked_.emplace(key);
  const auto found = json_->find(std::string(key));
  return found != json_->end() && !found->is_null();
}

const Json& JsonReader::at(std::string_view key) {
  seen_.emplace(key);
  if (!has(key)) {
    auto unknown = unread();
    std::erase_if(unknown, [&](const std::string& other) { return asked_.contains(other); });
    const auto near = nearest(key, unknown);
    // Which keys are read later is not known here, so the one that is there may be right.
    fail("{}: missing{}", path_of(key),
         near ? fmt::format("; if {} is meant for it, call it '{}'", path_of(*near), key) : "");
  }
  return (*json_)[std::string(key)];
}

std::string JsonReader::path_of(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

std::vector<std::string> JsonReader::unread() const {
  std::vector<std::string> keys;
  for (const auto& [key, value] : json_->items()) {
    if (!seen_.contains(key)) keys.push_back(key);
  }
  return keys;
}

void JsonReader::done() const {
  const auto keys = unread();
  if (keys.empty()) return;
  std::vector<std::string> absent;
  for (const auto* known : {&seen_, &std::as_const(asked_)}) {
    std::ranges::copy_if(*known, std::back_inserter(absent),
                         [&](const std::string& key) { return !json_->contains(key); });
  }
  const auto near = nearest(keys.front(), absent);
  fail("{}: unknown key{}", path_of(keys.front()),
       near ? fmt::format(", did you mean '{}'?", *near) : "");
}

}  // namespace hylo
