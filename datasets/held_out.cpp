#include "datasets/held_out.h"

#include <charconv>
#include <set>
#include <string>
#include <utility>

#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "harness/base/random.h"

namespace hylo::datasets {
namespace {

std::string hash_of(const TrainingDocument& document) {
  Sha256 hash;
  for (const auto& span : document.spans) hash.update(span.text);
  return hash.hex();
}

double draw_of(const TrainingDocument& document, uint64_t seed) {
  const auto digits = hash_of(document).substr(0, 16);
  uint64_t counter = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), counter, 16);
  return CounterRandom(seed, counter).uniform();
}

}  // namespace

DividedText hold_out(std::vector<TrainingDocument> documents, double share, uint64_t seed) {
  require(share > 0 && share < 1,
          "held-out documents: expected a share between 0 and 1, both excluded, found {}", share);
  DividedText divided;
  for (auto& document : documents) {
    auto& side = draw_of(document, seed) < share ? divided.held_out : divided.training;
    side.push_back(std::move(document));
  }
  require(!divided.held_out.empty() && !divided.training.empty(),
          "held-out documents: expected some of {} documents on both sides, found {} held out with "
          "share {} and seed {}; take another share, another seed or a file of its own",
          documents.size(), divided.held_out.size(), share, seed);
  return divided;
}

DividedText hold_out(std::vector<TrainingDocument> documents,
                     std::vector<TrainingDocument> held_out) {
  std::set<std::string> hashes;
  for (const auto& document : held_out) hashes.insert(hash_of(document));
  DividedText divided{.training = std::move(documents), .held_out = std::move(held_out)};
  divided.num_repeated = static_cast<int64_t>(std::erase_if(
      divided.training, [&](const auto& document) { return hashes.contains(hash_of(document)); }));
  require(!divided.training.empty(),
          "held-out documents: expected documents to train on, found that all {} are held out",
          divided.num_repeated);
  return divided;
}

}  // namespace hylo::datasets
