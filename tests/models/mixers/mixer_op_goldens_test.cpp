// Single mixers of the lineage from a state after some tokens: outputs, new states, and the
// gradients of the input and of every weight.
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include <cmath>

#include "harness/base/json.h"
#include "harness/base/overloaded.h"
#include "models/cache/layer_memory.h"
#include "models/mixers/gated_delta_net.h"
#include "models/mixers/jet_block.h"
#include "models/mixers/mamba2.h"
#include "models/mixers/recurrent_memory.h"
#include "models/weights/hf_names.h"
#include "models/weights/safetensors.h"
#include "models/weights/weights.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using hylo::tests::golden;
using hylo::tests::skip_reason;

/// SOURCE.md of the goldens: five times the reference's own float32 error.
constexpr double float32_allowance = 5;
/// And the worst of the cases for gradients, relative.
constexpr double float32_gradient_error = 5.9e-6;
/// What the float64 reference gave is rounded to float32, by 6e-8 of a number, and so are the
/// states that it began with. Relative to the largest number, or to the norm of a gradient.
constexpr double float64_tolerance = 5e-7;

double largest(const at::Tensor& x) { return x.abs().max().item<double>(); }

double max_difference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}
double relative_difference(const at::Tensor& a, const at::Tensor& b) {
  EXPECT_EQ(a.sizes(), b.sizes());
  const auto expected = b.to(at::kDouble);
  const double size = expected.norm().item<double>();
  const double error = (a.to(at::kDouble) - expected).norm().item<double>();
  return size == 0 ? error : error / size;
}

struct Block {
  Family family;
  MixerSpec mixer;
  std::vector<std::string> tails;  ///< names of the recorded inputs of its convolutions
  bool state_is_transposed;        ///< theirs is [H, V, K]
};

Block block_of(const Json& json) {
  const auto kind = json.at("kind").get<std::string>();
  const auto number = [&](const char* key) { return json.at(key).get<int64_t>(); };
  if (kind == "gdn") {
    return {Family::Hylo,
            GatedDeltaSpec{.num_key_heads = number("Hv"),
                           .num_heads = number("Hv"),
                           .key_width = number("K"),
                           .value_width = number("V"),
                           .conv_width = number("C"),
                           .norm_epsilon = json.at("norm_eps").get<double>()},
            {"conv_q", "conv_k", "conv_v"},
            false};
  }
  if (kind == "jet") {
    return {Family::JetNemotron,
            JetBlockSpec{.num_heads = number("Hv"),
                         .key_width = number("K"),
                         .value_width = number("V"),
                         .conv_width = number("C"),
                         .generator_width = number("gen"),
                         .norm_epsilon = json.at("norm_eps").get<double>()},
            {"conv"},
            false};
  }
  if (kind == "mamba2") {
    return {Family::Hylo,
            Mamba2Spec{.num_heads = number("H"),
                       .num_value_heads = number("G"),
                       .num_key_heads = number("G"),
                       .num_query_heads = number("H"),
                       .key_width = number("K"),
                       .value_width = number("K"),
                       .conv_width = number("C"),
                       .norm_groups = number("H"),
                       .norm_epsilon = json.at("norm_eps").get<double>()},
            {"conv"},
            true};
  }
  EXPECT_EQ(kind, "dmamba2");
  return {Family::Llamba,
          DiscreteMamba2Spec{.num_heads = number("Hv"),
                             .num_key_heads = number("Hk"),
                             .key_width = number("K"),
                             .value_width = number("V"),
                             .conv_width = number("C")},
          {"conv"},
          true};
}

/// "model.layers.0.gdn.q_proj.weight" -> "q_proj.weight".
std::string name_in_block(const ModelConfig& config, const WeightSlot& slot) {
  const auto name = stored_tensor(config, slot).name;
  const auto module = name.find('.', layer_prefix(config, {}).size()) + 1;
  return name.substr(name.find('.', module) + 1);
}

/// One recorded case, computed in `type`.
class MixerCase {
 public:
  MixerCase(const SafetensorsFile& file, std::string name, const Json& json, at::ScalarType type)
      : file_(file), name_(std::move(name)), type_(type), block_(block_of(json.at("block"))) {
    config_.family = block_.family;
    config_.layers.push_back({.mixer = block_.mixer, .feed_forward = {}});
    weights_ = empty_weights(config_).layers.front().mixer;
    width_ = json.at("D").get<int64_t>();
    const auto prefix = name_.substr(0, name_.rfind("_t")) + "/weight/";
    visit([&](const std::string& weight, const WeightSlot& slot, at::Tensor& tensor) {
      tensor = file_.tensor(prefix + weight).to(type_).reshape(slot.shape).clone();
    });
    for (int64_t b = 0; b < batch(); ++b) rows_.push_back({b * length(), length()});
  }

  struct Result {
    at::Tensor y, tails, states;
  };
  /// From the recorded state, which moves on in its pool.
  Result remembered(kernels::RowGroups groups) {
    PagePool pool(memory_layout(block_.mixer, type_, 1).parts, batch());
    std::vector<int32_t> pages;
    std::vector<kernels::PagedRows> sequences;
    for (int64_t b = 0; b < batch(); ++b) pages.push_back(pool.take());
    const auto first = start();
    for (int64_t b = 0; b < batch(); ++b) {
      pool.part(0).select(0, pages[b]).copy_(first.tail_PCD.select(0, b));
      pool.part(1).select(0, pages[b]).copy_(first.state_PHKV.select(0, b));
      sequences.push_back({b * length(), length(), 1, std::span(pages).subspan(b, 1)});
    }
    const LayerCall call{.sequences = sequences, .rows = rows_, .pages = &pool, .groups = groups};
    const auto y = mix(x(), call);
    const auto of_each = [&](size_t part) {
      std::vector<at::Tensor> all;
      for (const int32_t page : pages) all.push_back(pool.part(part).select(0, page));
      return at::stack(all);
    };
    return {y.view({batch(), length(), width_}), of_each(0), of_each(1)};
  }

  /// Within the allowed differences and what the rounding of the recorded numbers adds.
  void expect(const Result& result, double y_allowed, double state_allowed) const {
    const auto check = [](const at::Tensor& ours, const at::Tensor& theirs, double allowed) {
      EXPECT_LE(max_difference(ours, theirs), allowed + float64_tolerance * largest(theirs));
    };
    check(result.y, recorded("output/y"), y_allowed);
    check(result.tails, tails("output/"), state_allowed);
    check(result.states, states("output/"), state_allowed);
  }

  [[nodiscard]] bool has_gradients() const { return has("grad/x"); }

  /// Of the input and of every weight, the state being a constant. Returns how many.
  int expect_gradients(double tolerance) {
    visit([](const std::string&, const WeightSlot&, at::Tensor& t) { t.requires_grad_(true); });
    const auto leaf = x().clone().requires_grad_(true);
    const auto first = start();
    const LayerCall call{.sequences = {}, .rows = rows_, .start = &first};
    mix(leaf, call).backward(recorded("grad/d_out").flatten(0, 1).to(type_));
    EXPECT_LE(relative_difference(leaf.grad(), recorded("grad/x").flatten(0, 1)), tolerance);
    int compared = 1;
    visit([&](const std::string& name, const WeightSlot& slot, at::Tensor& tensor) {
      const auto expected = recorded("grad/" + name).reshape(slot.shape);
      EXPECT_LE(relative_difference(tensor.grad(), expected), tolerance) << name;
      ++compared;
    });
    return compared;
  }

 private:
  [[nodiscard]] bool has(const std::string& what) const {
    return file_.entries().contains(name_ + "/" + what);
  }
  [[nodiscard]] at::Tensor recorded(const std::string& what) const {
    return file_.tensor(name_ + "/" + what);
  }
  [[nodiscard]] at::Tensor x() const { return recorded("input/x").to(type_).flatten(0, 1); }
  [[nodiscard]] int64_t batch() const { return recorded("input/x").size(0); }
  [[nodiscard]] int64_t length() const { return recorded("input/x").size(1); }

  /// [B, C - 1, channels]: the reference keeps one input more than the convolution reads again.
  [[nodiscard]] at::Tensor tails(const std::string& when) const {
    std::vector<at::Tensor> all;
    for (const auto& name : block_.tails) all.push_back(recorded(when + "state." + name));
    const auto tails_BDC = at::cat(all, 1);
    return tails_BDC.narrow(2, 1, tails_BDC.size(2) - 1).transpose(1, 2);
  }
  [[nodiscard]] at::Tensor states(const std::string& when) const {
    const auto states = recorded(when + "state.recurrent");
    return block_.state_is_transposed ? states.transpose(2, 3) : states;
  }
  [[nodiscard]] RecurrentMemory start() const {
    const std::string when = has("input/state.recurrent") ? "input/" : "output/";
    RecurrentMemory memory{tails(when).to(type_).clone(at::MemoryFormat::Contiguous),
                           states(when).to(type_).clone(at::MemoryFormat::Contiguous),
                           {}};
    if (when == "input/") return memory;
    memory.tail_PCD.zero_();
    memory.state_PHKV.zero_();
    return memory;
  }

  at::Tensor mix(const at::Tensor& x_ND, const LayerCall& call) {
    return with_weights(block_.mixer, weights_,
                        overloaded{[&](const AttentionSpec&, const auto&) { return at::Tensor(); },
                                   [&](const MlaSpec&, const auto&) { return at::Tensor(); },
                                   [&](const KimiDeltaSpec&, const auto&) { return at::Tensor(); },
                                   [&](const auto& spec, const auto& weights) {
                                     return mix_tokens(spec, weights, x_ND, call);
                                   }});
  }

  template <class Use>
  void visit(Use&& use) {
    const auto named = [&](const WeightSlot& slot, at::Tensor& tensor) {
      use(name_in_block(config_, slot), slot, tensor);
    };
    with_weights(block_.mixer, weights_, [&](const auto& spec, auto& weights) {
      visit_mixer(spec, "layers.0.mixer", width_, weights, named);
    });
  }

  const SafetensorsFile& file_;
  std::string name_;
  at::ScalarType type_;
  Block block_;
  ModelConfig config_;
  MixerWeights weights_;
  int64_t width_ = 0;
  std::vector<kernels::RowRange> rows_;
};

class MixerOpGoldens : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto root = golden("lineage-goldens/ops");
    if (!root) GTEST_SKIP() << skip_reason("HYLO_TEST_DATA", "lineage-goldens/ops");
    root_ = *root;
  }

  /// Calls check(case, its measured errors) for every case in `type`.
  template <class Check>
  void for_each(at::ScalarType type, Check&& check) const {
    const SafetensorsFile file(root_ / "blocks.safetensors");
    const auto cases = read_json_file(root_ / "blocks.json");
    ASSERT_EQ(cases.size(), 17U);
    for (const auto& [name, json] : cases.items()) {
      SCOPED_TRACE(name);
      MixerCase one(file, name, json, type);
      check(one, json.at("fp32"));
    }
  }

  std::filesystem::path root_;
};

constexpr std::array both_groups{kernels::RowGroups::Free, kernels::RowGroups::Fixed};

TEST_F(MixerOpGoldens, OutputsAndStatesAreTheReferencesInFloat64) {
  for_each(at::kDouble, [](MixerCase& one, const Json&) {
    for (const auto groups : both_groups) {
      one.expect(one.remembered(groups), 0, 0);
    }
  });
}

TEST_F(MixerOpGoldens, OutputsAndStatesInFloat32AreAsCloseAsTheReferences) {
  for_each(at::kFloat, [](MixerCase& one, const Json& errors) {
    for (const auto groups : both_groups) {
      one.expect(one.remembered(groups), float32_allowance * errors.at("y").get<double>(),
                 float32_allowance * errors.at("state").get<double>());
    }
  });
}

TEST_F(MixerOpGoldens, GradientsOfInputsAndOfEveryWeightAreTheReferences) {
  for (const auto type : {at::kDouble, at::kFloat}) {
    int cases = 0, compared = 0;
    for_each(type, [&](MixerCase& one, const Json&) {
      if (!one.has_gradients()) return;
      ++cases;
      compared += one.expect_gradients(
          type == at::kDouble ? float64_tolerance : float32_allowance * float32_gradient_error);
    });
    EXPECT_EQ(cases, 9);
    EXPECT_EQ(compared, 102);
  }
}

}  // namespace
}  // namespace hylo::models
