// A small random checkpoint of the goldens with what another implementation computed from it.
#pragma once

#include <ATen/ops/cat.h>
#include <ATen/ops/max.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/sub.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/base/json.h"
#include "models/config/hf_config.h"
#include "models/decoder/decoder.h"
#include "models/weights/checkpoint.h"
#include "models/weights/safetensors.h"

namespace hylo::models::tests {

/// SOURCE.md of the goldens: about five times the reference's own float32 error, as maximum and as
/// rms.
inline constexpr double float32_allowance = 5;
/// bfloat16: twice the error of the reference's own bfloat16 run.
inline constexpr double bfloat16_allowance = 2;
/// The float64 reference is rounded to float32 at the end.
inline constexpr double float64_tolerance = 1e-6;

inline std::vector<int32_t> row_of(const at::Tensor& ids_BT, int64_t row) {
  const auto ids = ids_BT.select(0, row).contiguous();
  const auto* data = ids.const_data_ptr<int64_t>();
  return {data, data + ids.numel()};
}

inline double max_difference(const at::Tensor& a, const at::Tensor& b) {
  return at::sub(a.to(at::kDouble), b.to(at::kDouble)).abs().max().item<double>();
}

inline double rms_difference(const at::Tensor& a, const at::Tensor& b) {
  return std::sqrt(at::sub(a.to(at::kDouble), b.to(at::kDouble)).square().mean().item<double>());
}

/// Every checkpoint below a folder of goldens.
inline std::vector<std::filesystem::path> checkpoints_of(const std::filesystem::path& root) {
  std::vector<std::filesystem::path> folders;
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    if (std::filesystem::exists(entry.path() / "config.json")) folders.push_back(entry.path());
  }
  std::ranges::sort(folders);
  return folders;
}

struct GoldenCase {
  explicit GoldenCase(const std::filesystem::path& folder, NumberType type)
      : checkpoint(open_checkpoint(folder, {.type = type})),
        decoder(checkpoint.config, checkpoint.weights),
        cache(checkpoint.config, {.type = decoder.type(), .page_tokens = 16, .max_tokens = 4096}),
        reference(folder / "reference.safetensors"),
        measured(read_json_file(folder / "reference.json")) {}

  /// Logits of `ids` in calls of the given sizes; the last size repeats.
  at::Tensor in_pieces(const std::vector<int32_t>& ids, const std::vector<int64_t>& sizes) {
    auto sequence = cache.new_sequence();
    std::vector<at::Tensor> parts;
    size_t done = 0;
    for (size_t i = 0; done < ids.size(); ++i) {
      const auto n = std::min<size_t>(sizes[std::min(i, sizes.size() - 1)], ids.size() - done);
      const auto out =
          decoder.forward(std::span(ids).subspan(done, n), {{{&sequence, static_cast<int64_t>(n)}}},
                          {.rotary = rotary});
      parts.push_back(decoder.logits(out.normed_ND, kernels::RowGroups::Free));
      done += n;
    }
    return at::cat(parts);
  }

  at::Tensor all_rows() {
    const auto ids = reference.tensor("input_ids");
    std::vector<at::Tensor> rows;
    for (int64_t b = 0; b < ids.size(0); ++b) rows.push_back(in_pieces(row_of(ids, b), {100000}));
    return at::stack(rows);
  }

  double limit(const char* measure, const char* what) const {
    return float32_allowance * measured.at(measure).at(what).get<double>();
  }

  Checkpoint checkpoint;
  Decoder decoder;
  Cache cache;
  SafetensorsFile reference;
  Json measured;
  RotaryPrecision rotary = RotaryPrecision::Exact;
};

}  // namespace hylo::models::tests
