#include "models/upcycle/layer_selection.h"

#include <algorithm>
#include <cmath>

#include "harness/base/error.h"

namespace hylo::models {
namespace {

void check_finite(std::span<const double> numbers, const char* what) {
  for (size_t i = 0; i < numbers.size(); ++i) {
    require(std::isfinite(numbers[i]), "{} of layer {}: expected a number, found {}", what, i,
            numbers[i]);
  }
}

int64_t best_of(std::span<const double> scores, int64_t begin, int64_t end) {
  return std::max_element(scores.begin() + begin, scores.begin() + end) - scores.begin();
}

double choose(int64_t n, int64_t k) {
  double ways = 1;
  for (int64_t i = 1; i <= k; ++i) ways = ways * static_cast<double>(n - k + i) / i;
  return std::round(ways);
}

/// All ways from `first` to `last` in `num_gaps` gaps, of which `num_long` are one longer than the
/// others. A table of the best way onwards from every point, for there are too many ways to walk.
class Ways {
 public:
  Ways(std::span<const double> scores, int64_t first, int64_t last, int64_t num_gaps)
      : scores_(scores),
        first_(first),
        num_gaps_(num_gaps),
        short_gap_((last - first) / num_gaps),
        num_long_((last - first) % num_gaps),
        best_((num_gaps + 1) * (num_long_ + 1), -INFINITY) {
    for (int64_t gaps = num_gaps_; gaps >= 0; --gaps) {
      for (int64_t longer = 0; longer <= std::min(gaps, num_long_); ++longer) {
        if (gaps == num_gaps_ && longer < num_long_) continue;
        onwards(gaps, longer) =
            scores_[layer(gaps, longer)] + (gaps == num_gaps_ ? 0 : best_after(gaps, longer));
      }
    }
  }

  [[nodiscard]] SmartSelection best() {
    SmartSelection chosen{.layers = {first_},
                          .total_score = onwards(0, 0),
                          .num_placements = choose(num_gaps_, num_long_)};
    for (int64_t gaps = 0, longer = 0; gaps < num_gaps_; ++gaps) {
      if (after(gaps, longer, 0) < best_after(gaps, longer)) ++longer;
      chosen.layers.push_back(layer(gaps + 1, longer));
    }
    return chosen;
  }

 private:
  [[nodiscard]] int64_t layer(int64_t gaps, int64_t longer) const {
    return first_ + gaps * short_gap_ + longer;
  }
  /// The largest sum from the layer behind so many gaps, so many of them long; minus infinity where
  /// no way leads to the last layer.
  double& onwards(int64_t gaps, int64_t longer) { return best_[gaps * (num_long_ + 1) + longer]; }
  double after(int64_t gaps, int64_t longer, int64_t is_long) {
    return longer + is_long > num_long_ ? -INFINITY : onwards(gaps + 1, longer + is_long);
  }
  double best_after(int64_t gaps, int64_t longer) {
    return std::max(after(gaps, longer, 0), after(gaps, longer, 1));
  }

  std::span<const double> scores_;
  int64_t first_, num_gaps_, short_gap_, num_long_;
  std::vector<double> best_;
};

}  // namespace

std::vector<double> sensitivities(double divergence_without,
                                  std::span<const double> divergence_with_at_layer) {
  std::vector<double> scores;
  for (const double with : divergence_with_at_layer) scores.push_back(divergence_without - with);
  check_finite(scores, "sensitivity");
  return scores;
}

SmartSelection select_smart(std::span<const double> scores, int64_t count) {
  const int64_t num_layers = std::ssize(scores);
  require(count >= 1 && count <= num_layers, "layers to select: expected 1 to {}, found {}",
          num_layers, count);
  check_finite(scores, "score");
  if (count == 1) {
    const int64_t best = best_of(scores, 0, num_layers);
    return {.layers = {best},
            .total_score = scores[best],
            .num_placements = static_cast<double>(num_layers)};
  }
  const int64_t window = num_layers / count;
  const int64_t first = best_of(scores, 0, window);
  const int64_t last = best_of(scores, num_layers - window, num_layers);
  return Ways(scores, first, last, count - 1).best();
}

std::vector<int64_t> every_nth_layer(int64_t num_layers, int64_t step, int64_t first) {
  require(step >= 1, "every n-th layer: expected n of 1 or more, found {}", step);
  require(first >= 0 && first < num_layers,
          "every n-th layer: expected a first layer of 0 to {}, found {}", num_layers - 1, first);
  std::vector<int64_t> layers;
  for (int64_t i = first; i < num_layers; i += step) layers.push_back(i);
  return layers;
}

std::vector<int64_t> listed_layers(std::vector<int64_t> layers, int64_t num_layers) {
  std::ranges::sort(layers);
  for (size_t i = 0; i < layers.size(); ++i) {
    require(layers[i] >= 0 && layers[i] < num_layers, "list of layers: expected 0 to {}, found {}",
            num_layers - 1, layers[i]);
    require(i == 0 || layers[i] != layers[i - 1], "list of layers: {} is named twice", layers[i]);
  }
  return layers;
}

}  // namespace hylo::models
