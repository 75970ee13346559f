// Softmax attention of new tokens over keys and values that lie in pages.
// Source: Vaswani et al. 2017 (arXiv 1706.03762); grouped heads: Ainslie et al. 2023 (arXiv
// 2305.13245); online softmax: Milakov, Gimelshein 2018 (arXiv 1805.02867).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace hylo::kernels {

/// One sequence of a ragged call. Its rows are queries at positions num_past, num_past + 1, ...;
/// the keys of all positions up to the last query are in the pages already.
struct PagedRows {
  int64_t first_row = 0;
  int64_t num_rows = 0;
  int64_t num_past = 0;
  /// Page i holds the tokens [i * page_tokens, (i + 1) * page_tokens); -1: given back, because no
  /// window reaches it any more.
  std::span<const int32_t> pages;
};

struct AttentionIn {
  at::Tensor q_NHK;
  at::Tensor keys_PSGK;    ///< all pages of the layer: P pages of S tokens
  at::Tensor values_PSGV;  ///< same type as q; may be a view of the first V entries of the keys
  std::span<const PagedRows> sequences;
  double scale = 1;               ///< multiplies the scores
  std::optional<int64_t> window;  ///< a query sees this many keys, itself included
};

/// [N, H, V]: causal attention of each sequence over its own pages; head h reads key/value head
/// h / (H / G). Scores, softmax and sums in float32 (float64 for float64). Rows of no sequence are
/// zero. A row's bits depend on its own query, keys and values alone.
/// Throws Error when shapes disagree or a page that is needed has been given back.
at::Tensor attention(const AttentionIn& in);

struct StoreRowsIn {
  at::Tensor rows_NGK;                   ///< new keys or values
  at::Tensor pages_PSGK;                 ///< written in place
  std::span<const PagedRows> sequences;  ///< row i of a sequence goes to position num_past + i
};
void store_rows(const StoreRowsIn& in);

}  // namespace hylo::kernels
