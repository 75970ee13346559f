// JSON with errors that name the file and the key.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "harness/base/error.h"

namespace hylo {

using Json = nlohmann::json;
using OrderedJson = nlohmann::ordered_json;

/// Parses a text; `where` (a file, a line) opens the message when it is not JSON. Bare Infinity,
/// -Infinity and NaN, which Python writes, are taken as the strings of these names.
Json parse_json(std::string_view text, const std::string& where);

/// Reads and parses a file. Throws Error when it cannot be read or is not JSON, and for a key that
/// an object has twice, with its path: a parser keeps the last one without a word.
Json read_json_file(const std::filesystem::path& file);

/// Writes `json` indented, first into a neighbour and then renamed: never half a file.
void write_json_file(const std::filesystem::path& file, const OrderedJson& json);

template <class T>
inline constexpr bool is_list = false;
template <class T>
inline constexpr bool is_list<std::vector<T>> = true;
template <class T>
inline constexpr bool is_text_map = false;
template <class T>
inline constexpr bool is_text_map<std::map<std::string, T>> = true;

/// Whether `json` says exactly a T. nlohmann's own conversion turns 2.5 into 2, true into 1 and -1
/// into 2^64 - 1 without a word; a whole number written as 2.0 is taken.
template <class T>
bool is_exactly(const Json& json) {
  if constexpr (std::is_same_v<T, bool>) {
    return json.is_boolean();
  } else if constexpr (std::is_integral_v<T>) {
    if (json.is_number_unsigned()) return std::in_range<T>(json.get<uint64_t>());
    if (json.is_number_integer()) return std::in_range<T>(json.get<int64_t>());
    constexpr double exact_below = 0x1p53;
    if (!json.is_number_float()) return false;
    const double value = json.get<double>();
    return std::abs(value) < exact_below && value == std::trunc(value) &&
           std::in_range<T>(static_cast<int64_t>(value));
  } else if constexpr (std::is_floating_point_v<T>) {
    return json.is_number();
  } else if constexpr (is_list<T>) {
    return json.is_array() && std::ranges::all_of(json, is_exactly<typename T::value_type>);
  } else {
    return true;  // Strings and objects: nlohmann's conversion throws.
  }
}

/// What a T is called in messages: "a whole number from 0 to 255", "a list of texts".
template <class T>
std::string name_of_type(bool of_several = false) {
  const auto word = [&](const char* one, const char* several) {
    return of_several ? several : one;
  };
  if constexpr (std::is_same_v<T, bool>) {
    return "true or false";
  } else if constexpr (std::is_integral_v<T>) {
    const auto* whole = word("a whole number", "whole numbers");
    if constexpr (std::is_same_v<T, int64_t>) return whole;
    if constexpr (std::is_same_v<T, uint64_t>) return fmt::format("{} from 0 on", whole);
    return fmt::format("{} from {} to {}", whole, std::numeric_limits<T>::min(),
                       std::numeric_limits<T>::max());
  } else if constexpr (std::is_floating_point_v<T>) {
    return word("a number", "numbers");
  } else if constexpr (std::is_same_v<T, std::string>) {
    return word("a text", "texts");
  } else if constexpr (is_list<T>) {
    return fmt::format("{} of {}", word("a list", "lists"),
                       name_of_type<typename T::value_type>(/*of_several=*/true));
  } else if constexpr (is_text_map<T>) {
    return fmt::format("{} of {}", word("an object", "objects"),
                       name_of_type<typename T::mapped_type>(/*of_several=*/true));
  } else {
    static_assert(std::is_same_v<T, Json>, "a type without a name");
    return word("any value", "values");
  }
}

/// What stands in the place of something else: the value itself if it is short, else its kind.
std::string found_value(const Json& json);

/// Reads the keys of one object and, on done(), refuses those that nobody asked for.
class JsonReader {
 public:
  /// `json` must outlive the reader; `path` is how messages name the object.
  JsonReader(const Json& json, std::string path);

  /// Present and not null. The key is one of those that may be there, but it is not read yet.
  [[nodiscard]] bool has(std::string_view key) const;
  /// Throws Error when absent; it names the nearest key that nobody asked for so far and that may
  /// be meant. Such a key may be one that is read later.
  [[nodiscard]] const Json& at(std::string_view key);
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

  /// Keys that nobody read, in order of the alphabet.
  [[nodiscard]] std::vector<std::string> unread() const;

  /// Throws Error naming the first key that was never read, and the nearest that was asked for and
  /// is not there.
  void done() const;

 private:
  template <class T>
  T convert(const Json& value, std::string_view key) const {
    try {
      if (is_exactly<T>(value)) return value.get<T>();
    } catch (const Json::exception&) {
      // Told below, with the path.
    }
    fail("{}: expected {}, found {}", path_of(key), name_of_type<T>(), found_value(value));
  }

  const Json* json_;
  std::string path_;
  std::set<std::string, std::less<>> seen_;           ///< read, or to be ignored
  mutable std::set<std::string, std::less<>> asked_;  ///< by `has`, read or not
};

}  // namespace hylo
