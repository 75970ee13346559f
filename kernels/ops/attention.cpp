#include "kernels/ops/attention.h"

#include <ATen/ops/zeros.h>

#include <cstring>

#include "harness/base/error.h"
#include "kernels/cpu/rows.h"
#include "kernels/ops/gradient.h"
#include "kernels/ops/shape.h"

namespace hylo::kernels {
namespace {

void check_pages(const at::Tensor& rows, const at::Tensor& pages, const char* what) {
  require(rows.dim() == 3 && pages.dim() == 4 && rows.is_contiguous() &&
              (pages.stride(3) == 1 || pages.size(3) == 1) &&
              rows.scalar_type() == pages.scalar_type(),
          "{}: rows {} {} must be contiguous, heads of pages {} {} too, both of one type", what,
          type_text(rows), shape_text(rows), type_text(pages), shape_text(pages));
}

void check_sequence(const PagedRows& sequence, int64_t num_rows, const at::Tensor& pages,
                    int64_t first_key) {
  const int64_t page_tokens = pages.size(1);
  const int64_t end = sequence.num_past + sequence.num_rows;
  require(sequence.first_row >= 0 && sequence.num_rows >= 0 &&
              sequence.first_row + sequence.num_rows <= num_rows,
          "attention: a sequence has rows [{}, {}) of {}", sequence.first_row,
          sequence.first_row + sequence.num_rows, num_rows);
  require(end <= static_cast<int64_t>(sequence.pages.size()) * page_tokens,
          "attention: {} tokens do not fit in {} pages of {}", end, sequence.pages.size(),
          page_tokens);
  for (int64_t page = first_key / page_tokens; page * page_tokens < end; ++page) {
    require(sequence.pages[page] >= 0 && sequence.pages[page] < pages.size(0),
            "attention: page {} of a sequence is {}; it was given back or never taken", page,
            sequence.pages[page]);
  }
}

void check(const AttentionIn& in) {
  check_pages(in.q_NHK, in.keys_PSGK, "attention");
  check_pages(in.q_NHK, in.values_PSGV, "attention");
  require(in.keys_PSGK.sizes().slice(0, 3) == in.values_PSGV.sizes().slice(0, 3),
          "attention: pages of keys {} and of values {} must agree", shape_text(in.keys_PSGK),
          shape_text(in.values_PSGV));
  require(in.q_NHK.size(2) == in.keys_PSGK.size(3) && in.q_NHK.size(1) % in.keys_PSGK.size(2) == 0,
          "attention: q {} and pages of keys {} must agree in width, and heads must divide",
          shape_text(in.q_NHK), shape_text(in.keys_PSGK));
  require(in.scale > 0, "attention: a scale of {}; expected above 0", in.scale);
  for (const auto& sequence : in.sequences) {
    if (sequence.num_rows == 0) continue;
    const int64_t first_key =
        in.window ? std::max<int64_t>(0, sequence.num_past - *in.window + 1) : 0;
    check_sequence(sequence, in.q_NHK.size(0), in.keys_PSGK, first_key);
  }
}

}  // namespace

at::Tensor attention(const AttentionIn& in) {
  check(in);
  require(!wants_gradient({in.q_NHK, in.keys_PSGK, in.values_PSGV}),
          "attention: over pages it has no gradient; a batch without caches is trained through");
  auto out_NHV =
      at::zeros({in.q_NHK.size(0), in.q_NHK.size(1), in.values_PSGV.size(3)}, in.q_NHK.options());
  cpu::attention(in, out_NHV);
  return out_NHV;
}

void store_rows(const StoreRowsIn& in) {
  require(!wants_gradient({in.rows_NGK}),
          "store_rows: pages take no gradient; a batch without caches is trained through");
  check_pages(in.rows_NGK, in.pages_PSGK, "store_rows");
  require(in.rows_NGK.sizes().slice(1) == in.pages_PSGK.sizes().slice(2) &&
              in.pages_PSGK.is_contiguous(),
          "store_rows: rows {} and contiguous pages {} must agree in heads and width",
          shape_text(in.rows_NGK), shape_text(in.pages_PSGK));
  const int64_t page_tokens = in.pages_PSGK.size(1);
  const auto row_bytes =
      static_cast<size_t>(in.rows_NGK.size(1) * in.rows_NGK.size(2)) * in.rows_NGK.element_size();
  const auto* from = static_cast<const char*>(in.rows_NGK.const_data_ptr());
  auto* to = static_cast<char*>(in.pages_PSGK.mutable_data_ptr());
  for (const auto& sequence : in.sequences) {
    if (sequence.num_rows == 0) continue;
    check_sequence(sequence, in.rows_NGK.size(0), in.pages_PSGK, sequence.num_past);
    for (int64_t i = 0; i < sequence.num_rows; ++i) {
      const int64_t position = sequence.num_past + i;
      const auto slot = static_cast<size_t>(sequence.pages[position / page_tokens] * page_tokens +
                                            position % page_tokens);
      std::memcpy(to + slot * row_bytes,
                  from + static_cast<size_t>(sequence.first_row + i) * row_bytes, row_bytes);
    }
  }
}

}  // namespace hylo::kernels
