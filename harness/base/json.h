// JSON with errors that name the file and the key.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>

#include "harness/base/error.h"

namespace hylo {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

/// Parses a text; `where` (a file, a line) opens the message when it is not JSON. Bare Infinity,
/// -Infinity and NaN, which Python writes, are taken as the strings of these names.
Json parse_json(std::string_view text, const std::string& where);

/// Reads and parses a file. Throws Error when it cannot be read or is not JSON.
Json read_json_file(const std::filesystem::path& file);

/// Writes `json` indented, first into a neighbour and then renamed: never half a file.
void write_json_file(const std::filesystem::path& file, const OrderedJson& json);

/// Reads the keys of one object and, on done(), refuses those that nobody asked for.
class JsonReader {
 public:
  /// `json` must outlive the reader; `path` is how messages name the object.
  JsonReader(const Json& json, std::string path);

  [[nodiscard]] bool has(std::string_view key) const;  ///< present and not null
  [[nodiscard]] const Json& at(std::string_view key);  ///< throws Error when absent
  [[nodiscard]] std::string path_of(std::string_view key) const;

  template <class T>
  [[nodiscard]] T get(std::string_view key) {
    return convert<T>(at(key), key);
  }
  template <class T>
  [[nodiscard]] T get_or(std::string_view key, T otherwise) {
    seen_.emplace(key);
    return has(key) ? convert<T>((*json_)[std::string(key)], key) : otherwise;
  }
  void ignore(std::string_view key) { seen_.emplace(key); }

  /// Throws Error naming the first key that was never asked for.
  void done() const;

 private:
  template <class T>
  T convert(const Json& value, std::string_view key) const {
    try {
      return value.get<T>();
    } catch (const Json::exception&) {
      fail("{}: {} does not have the expected type", path_of(key), value.dump());
    }
  }

  const Json* json_;
  std::string path_;
  std::set<std::string, std::less<>> seen_;
};

}  // namespace hylo
