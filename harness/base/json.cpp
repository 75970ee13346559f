#include "harness/base/json.h"

#include "harness/base/files.h"

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

}  // namespace

Json parse_json(std::string_view text, const std::string& where) {
  try {
    return Json::parse(text);
  } catch (const Json::exception& first) {
    try {
      return Json::parse(with_quoted_non_numbers(text));
    } catch (const Json::exception&) {
      fail("{}: not JSON: {}", where, first.what());
    }
  }
}

Json read_json_file(const std::filesystem::path& file) {
  return parse_json(read_text_file(file), file.string());
}

void write_json_file(const std::filesystem::path& file, const OrderedJson& json) {
  write_text_file(file, json.dump(2) + "\n");
}

JsonReader::JsonReader(const Json& json, std::string path) : json_(&json), path_(std::move(path)) {
  require(json.is_object(), "{}: expected a JSON object, found {}", path_, json.type_name());
}

bool JsonReader::has(std::string_view key) const {
  const auto found = json_->find(std::string(key));
  return found != json_->end() && !found->is_null();
}

const Json& JsonReader::at(std::string_view key) {
  seen_.emplace(key);
  require(has(key), "{}: missing", path_of(key));
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
  require(keys.empty(), "{}: unknown key", keys.empty() ? "" : path_of(keys.front()));
}

}  // namespace hylo
