#include "tasks/ruler/strict_draws.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "harness/base/hash.h"
#include "tasks/ruler/needle_parts.h"

namespace hylo::tasks::ruler {
namespace {

/// A stream that belongs to a text: nearby texts give unrelated streams.
CounterRandom stream_of(const std::string& text) {
  const auto digits = sha256_hex(text).substr(0, 16);
  return CounterRandom(std::stoull(digits, nullptr, 16));
}

std::vector<size_t> shuffled(size_t count, CounterRandom random) {
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  shuffle(order, random);
  return order;
}

}  // namespace

CounterRandom sample_random(const BuildRequest& request, int64_t index) {
  return stream_of(fmt::format("{}/sample/{}/{}/{}/{}", strict_revision, request.seed,
                               request.spec.name, request.length, index));
}

std::vector<int64_t> strata_of(const BuildRequest& request, int64_t index, int64_t num_needles) {
  // A Latin square: rows are samples of a block, columns needles; each stands in a row and in a
  // column once.
  const int64_t block = index / num_strata;
  const auto key = fmt::format("{}/{}/{}/{}/{}", strict_revision, request.seed, request.spec.name,
                               request.length, block);
  const auto strata = shuffled(num_strata, stream_of("strata/" + key));
  const auto shifts = shuffled(num_strata, stream_of("shifts/" + key));
  std::vector<int64_t> drawn;
  for (int64_t j = 0; j < num_needles; ++j) {
    const auto row =
        static_cast<size_t>(index % num_strata) + shifts[static_cast<size_t>(j) % num_strata];
    drawn.push_back(static_cast<int64_t>(strata[row % num_strata]));
  }
  return drawn;
}

int64_t slot_in_stratum(int64_t stratum, int64_t num_units, CounterRandom& random) {
  if (num_units + 1 < num_strata) return stratum * (num_units + 1) / num_strata;
  const auto first_from = [&](int64_t s) { return (s * num_units + num_strata - 1) / num_strata; };
  const int64_t first = first_from(stratum);
  const int64_t last = stratum + 1 == num_strata ? num_units : first_from(stratum + 1) - 1;
  invariant(first <= last, "{} units leave no slot in stratum {}", num_units, stratum);
  return first + static_cast<int64_t>(random.below(static_cast<uint64_t>(last - first + 1)));
}

QuestionOrder::QuestionOrder(const BuildRequest& request, size_t num_questions)
    : num_questions_(num_questions) {
  const auto num_samples = static_cast<size_t>(std::max<int64_t>(request.num_samples, 1));
  for (size_t round = 0; round * num_questions < num_samples; ++round) {
    rounds_.push_back(
        shuffled(num_questions, stream_of(fmt::format("{}/questions/{}/{}/{}", strict_revision,
                                                      request.seed, request.spec.name, round))));
  }
}

size_t QuestionOrder::at(int64_t index) const {
  const auto i = static_cast<size_t>(index);
  return rounds_.at(i / num_questions_)[i % num_questions_];
}

std::string draw_number(CounterRandom& random) {
  return std::to_string(1'000'000 + random.below(9'000'000));
}

std::string draw_uuid(CounterRandom& random) {
  const uint64_t high = random.next();
  return version_4_uuid(high, random.next());
}

std::string draw_letters(CounterRandom& random, int count, char first) {
  std::string letters;
  for (int i = 0; i < count; ++i) letters += static_cast<char>(first + random.below(26));
  return letters;
}

}  // namespace hylo::tasks::ruler
