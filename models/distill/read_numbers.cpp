#include "models/distill/read_numbers.h"

#include "harness/base/error.h"

namespace hylo::models {

int64_t read_count(JsonReader& reader, const char* key, int64_t at_least) {
  const auto count = reader.get<int64_t>(key);
  require(count >= at_least, "{}: expected {} or more, found {}", reader.path_of(key), at_least,
          count);
  return count;
}

int64_t read_count_or(JsonReader& reader, const char* key, int64_t otherwise) {
  const auto count = reader.get_or<int64_t>(key, otherwise);
  require(count >= 0, "{}: expected 0 or more, found {}", reader.path_of(key), count);
  return count;
}

double read_from_0(JsonReader& reader, const char* key, double otherwise) {
  const auto value = reader.get_or<double>(key, otherwise);
  require(value >= 0, "{}: expected a number from 0 on, found {}", reader.path_of(key), value);
  return value;
}

}  // namespace hylo::models
