// All that the runner knows of a model.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/base/json.h"
#include "tasks/core/request.h"

namespace hylo::harness {

/// What makes two runs comparable. Stored with each run.
struct SystemInfo {
  std::string name;          ///< for people: the folder, "scripted:crc"
  OrderedJson identity;      ///< hashes and settings that determine the numbers
  OrderedJson description;   ///< everything else that is worth keeping
  std::string numeric_mode;  ///< exact, stable or fast
  std::string dtype;
  int64_t max_length = 0;  ///< tokens of context and continuation together; 0: no limit
};

/// What a request costs before it is asked.
struct RequestCost {
  int64_t rows = 0;            ///< tokens computed when requests share what they begin with
  int64_t rows_unshared = 0;   ///< ... and when each is computed alone
  int64_t new_tokens = 0;      ///< that may be generated
  int64_t num_generated = 0;   ///< texts to generate
  int64_t dropped_tokens = 0;  ///< that do not fit and would be cut from the left
};

class SystemUnderTest {
 public:
  virtual ~SystemUnderTest() = default;
  [[nodiscard]] virtual const SystemInfo& info() const = 0;

  /// One cost per request: what it adds to those before it when answer() is given the same span.
  [[nodiscard]] virtual std::vector<RequestCost> plan(
      std::span<const tasks::Request> requests) const = 0;

  /// Seconds that requests of this total cost will take, from a short trial on this machine;
  /// nothing where that makes no sense.
  [[nodiscard]] virtual std::optional<double> expected_seconds(const RequestCost& total) = 0;

  /// Answers each request once, in any order, as it is ready. A broken system throws; one bad
  /// request is Failed.
  virtual void answer(std::span<const tasks::Request> requests,
                      const std::function<void(size_t, tasks::Response)>& on_response) = 0;
};

}  // namespace hylo::harness
