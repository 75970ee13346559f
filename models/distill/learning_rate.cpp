#include "models/distill/learning_rate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <utility>

#include "harness/base/error.h"
#include "harness/base/overloaded.h"

namespace hylo::models {
namespace {

constexpr std::array<std::pair<const char*, Ramp>, 3> ramps{
    {{"linear", Ramp::Linear}, {"cosine", Ramp::Cosine}, {"sqrt", Ramp::Sqrt}}};

double risen(Ramp ramp, double part) {
  switch (ramp) {
    case Ramp::Linear:
      return part;
    case Ramp::Cosine:
      return 0.5 * (1 - std::cos(std::numbers::pi * part));
    case Ramp::Sqrt:
      return 1 - std::sqrt(1 - part);
  }
  return part;
}

double part_of(int64_t done, int64_t all) {
  return std::clamp(static_cast<double>(done) / static_cast<double>(std::max<int64_t>(1, all)), 0.0,
                    1.0);
}

double between(double low, double factor) { return low + (1 - low) * factor; }

/// A linear warm-up from 0, then a fall to `min_ratio` at the end.
double warmed_up_fall(Ramp fall, int64_t warmup, double min_ratio, int64_t step, int64_t steps) {
  if (step < warmup) return part_of(step, warmup);
  return between(min_ratio, risen(fall, 1 - part_of(step - warmup, steps - warmup)));
}

Ramp read_ramp(JsonReader& reader, const char* key) {
  const auto name = reader.get_or<std::string>(key, "linear");
  const auto* found = std::ranges::find(ramps, name, [](const auto& row) { return row.first; });
  require(found != ramps.end(), "{}: expected linear, cosine or sqrt, found '{}'",
          reader.path_of(key), name);
  return found->second;
}

std::string name_of(Ramp ramp) {
  return std::ranges::find(ramps, ramp, [](const auto& row) { return row.second; })->first;
}

int64_t read_steps(JsonReader& reader, const char* key) {
  const auto steps = reader.get_or<int64_t>(key, 0);
  require(steps >= 0, "{}: expected a number of steps from 0 on, found {}", reader.path_of(key),
          steps);
  return steps;
}

double read_min_ratio(JsonReader& reader) {
  const auto ratio = reader.get_or<double>("min_ratio", 0);
  require(ratio >= 0 && ratio <= 1, "{}: expected a part of the peak from 0 to 1, found {}",
          reader.path_of("min_ratio"), ratio);
  return ratio;
}

RateSchedule read_kind(JsonReader& reader) {
  const auto kind = reader.get<std::string>("kind");
  const auto warmup = read_steps(reader, "warmup_steps");
  if (kind == "constant") return ConstantRate{warmup};
  if (kind == "linear") return LinearRate{warmup, read_min_ratio(reader)};
  if (kind == "cosine") return CosineRate{warmup, read_min_ratio(reader)};
  require(kind == "wsd", "{}: expected constant, linear, cosine or wsd, found '{}'",
          reader.path_of("kind"), kind);
  const auto decay_steps = read_steps(reader, "decay_steps");
  return WarmupStableDecay{warmup, decay_steps, read_ramp(reader, "warmup"),
                           read_ramp(reader, "decay"), read_min_ratio(reader)};
}

}  // namespace

double rate_factor(const RateSchedule& schedule, int64_t step, int64_t num_steps) {
  return std::visit(
      overloaded{
          [&](const ConstantRate& s) {
            return step < s.warmup_steps ? part_of(step, s.warmup_steps) : 1.0;
          },
          [&](const LinearRate& s) {
            return warmed_up_fall(Ramp::Linear, s.warmup_steps, s.min_ratio, step, num_steps);
          },
          [&](const CosineRate& s) {
            return warmed_up_fall(Ramp::Cosine, s.warmup_steps, s.min_ratio, step, num_steps);
          },
          [&](const WarmupStableDecay& s) {
            if (step < s.warmup_steps) {
              return between(s.min_ratio, risen(s.warmup, part_of(step, s.warmup_steps)));
            }
            const auto left = part_of(num_steps - step, s.decay_steps);
            return between(s.min_ratio, risen(s.decay, left));
          }},
      schedule);
}

RateSchedule read_rate_schedule(const Json& json, const std::string& path) {
  JsonReader reader(json, path);
  const auto schedule = read_kind(reader);
  reader.done();
  return schedule;
}

OrderedJson describe(const RateSchedule& schedule) {
  return std::visit(
      overloaded{
          [](const ConstantRate& s) {
            return OrderedJson{{"kind", "constant"}, {"warmup_steps", s.warmup_steps}};
          },
          [](const LinearRate& s) {
            return OrderedJson{
                {"kind", "linear"}, {"warmup_steps", s.warmup_steps}, {"min_ratio", s.min_ratio}};
          },
          [](const CosineRate& s) {
            return OrderedJson{
                {"kind", "cosine"}, {"warmup_steps", s.warmup_steps}, {"min_ratio", s.min_ratio}};
          },
          [](const WarmupStableDecay& s) {
            return OrderedJson{{"kind", "wsd"},
                               {"warmup_steps", s.warmup_steps},
                               {"decay_steps", s.decay_steps},
                               {"warmup", name_of(s.warmup)},
                               {"decay", name_of(s.decay)},
                               {"min_ratio", s.min_ratio}};
          }},
      schedule);
}

}  // namespace hylo::models
