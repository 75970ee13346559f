#include "kernels/torch/recurrence.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <sys/mman.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/ops/gradient.h"
#include "kernels/torch/saved_rows.h"
#include "kernels/torch/second_gradients.h"

namespace hylo::kernels::torch_form {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// A new tensor, on large pages where Linux gives them to those who ask: a head writes its rows one
/// page apart, and the first touch of every small page costs a fifth of the time of a backward
/// pass.
at::Tensor empty_on_large_pages(at::IntArrayRef sizes, const at::TensorOptions& options) {
  constexpr uintptr_t page = uintptr_t{1} << 21;
  auto room = at::empty(sizes, options);
  const auto address = reinterpret_cast<uintptr_t>(room.mutable_data_ptr());
  const uintptr_t begin = (address + page - 1) / page * page;
  const uintptr_t end = (address + room.nbytes()) / page * page;
  // Only advice: where it is not taken, nothing but the time differs.
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
  return room;
}

/// Where results go: zeros, unless all of it will be written.
at::Tensor room_for(const cpu::RecurrenceIn& in, at::IntArrayRef sizes,
                    const at::TensorOptions& options) {
  auto room = empty_on_large_pages(sizes, options);
  return every_row_is_somebodys(in.sequences, sizes[0]) ? room : room.zero_();
}
at::Tensor room_for_values(const cpu::RecurrenceIn& in) {
  return room_for(in, in.v_NHV.sizes(), in.v_NHV.options());
}

cpu::RecurrenceTrace empty_trace(const cpu::RecurrenceIn& in) {
  const int64_t segments = cpu::first_segments_of(in.sequences).back();
  const auto options = in.log_decay_NH.options();
  cpu::RecurrenceTrace trace;
  if (in.beta_NH.defined()) {
    trace.errors_NHV = empty_on_large_pages(in.v_NHV.sizes(), options);
  }
  trace.states_SHKV = empty_on_large_pages(
      {segments, in.v_NHV.size(1), in.k_NHK.size(2), in.v_NHV.size(2)}, options);
  return trace;
}

/// What heads that share a query or key head want of it, together; [N, H, K] to [N, heads, K].
at::Tensor sum_of_groups(const at::Tensor& rows_NHK, const at::Tensor& like_NHK) {
  const int64_t heads = like_NHK.size(1), group = rows_NHK.size(1) / heads;
  if (group == 1) return rows_NHK.to(like_NHK.scalar_type());
  return rows_NHK.view({rows_NHK.size(0), heads, group, rows_NHK.size(2)})
      .sum(2)
      .to(like_NHK.scalar_type());
}

struct Differentiable : torch::autograd::Function<Differentiable> {
  static variable_list forward(AutogradContext* context, const at::Tensor& q_NHK,
                               const at::Tensor& k_NHK, const at::Tensor& v_NHV,
                               const at::Tensor& log_decay_NH,
                               const std::optional<at::Tensor>& beta_NH,
                               const at::Tensor& state_BHKV, std::vector<int64_t> rows,
                               double scale) {
    const auto sequences = sequences_of(rows);
    const cpu::RecurrenceIn in{
        q_NHK, k_NHK, v_NHV, log_decay_NH, beta_NH.value_or(at::Tensor()), sequences, scale};
    auto trace = empty_trace(in);
    auto out_NHV = room_for_values(in);
    auto last_BHKV = state_BHKV.clone(at::MemoryFormat::Contiguous);
    cpu::recurrence_chunked(in, out_NHV, last_BHKV, &trace);
    context->save_for_backward(
        {q_NHK, k_NHK, v_NHV, log_decay_NH, in.beta_NH, trace.errors_NHV, trace.states_SHKV});
    context->saved_data["rows"] = rows;
    context->saved_data["scale"] = scale;
    context->set_materialize_grads(false);
    return {out_NHV, last_BHKV};
  }

  static variable_list backward(AutogradContext* context, const variable_list& wanted) {
    refuse_second_gradients("recurrence");
    const auto saved = context->get_saved_variables();
    const auto sequences = sequences_of(context->saved_data["rows"].toIntVector());
    const cpu::RecurrenceIn in{saved[0],
                               saved[1],
                               saved[2],
                               saved[3],
                               saved[4],
                               sequences,
                               context->saved_data["scale"].toDouble()};
    const cpu::RecurrenceTrace trace{saved[5], saved[6]};
    auto gradients = room_for_gradients(in, wanted[1]);
    const auto d_out_NHV = wanted[0].defined() ? wanted[0].contiguous()
                                               : at::zeros(in.v_NHV.sizes(), in.v_NHV.options());
    cpu::recurrence_backward(in, trace, d_out_NHV, gradients);
    return {sum_of_groups(gradients.q_NHK, in.q_NHK),
            sum_of_groups(gradients.k_NHK, in.k_NHK),
            gradients.v_NHV,
            gradients.log_decay_NH,
            gradients.beta_NH,
            gradients.state_BHKV,
            {},
            {}};
  }

  static cpu::RecurrenceGradients room_for_gradients(const cpu::RecurrenceIn& in,
                                                     const at::Tensor& d_state_BHKV) {
    const auto options = in.log_decay_NH.options();
    const int64_t rows = in.v_NHV.size(0), heads = in.v_NHV.size(1), width = in.k_NHK.size(2);
    return {.q_NHK = room_for(in, {rows, heads, width}, options),
            .k_NHK = room_for(in, {rows, heads, width}, options),
            .v_NHV = room_for_values(in),
            .log_decay_NH = at::zeros_like(in.log_decay_NH),
            .beta_NH = in.beta_NH.defined() ? at::zeros_like(in.beta_NH) : at::Tensor(),
            .state_BHKV = d_state_BHKV.defined()
                              ? d_state_BHKV.clone(at::MemoryFormat::Contiguous)
                              : at::zeros({static_cast<int64_t>(in.sequences.size()), heads, width,
                                           in.v_NHV.size(2)},
                                          options)};
  }
};

}  // namespace

RecurrenceOut recurrence(const cpu::RecurrenceIn& in, const at::Tensor& state_BHKV) {
  if (wants_gradient({in.q_NHK, in.k_NHK, in.v_NHV, in.log_decay_NH, in.beta_NH, state_BHKV})) {
    // A function's inputs must be defined; one that may be absent is an optional.
    std::optional<at::Tensor> beta_NH;
    if (in.beta_NH.defined()) beta_NH = in.beta_NH;
    const auto out = Differentiable::apply(in.q_NHK, in.k_NHK, in.v_NHV, in.log_decay_NH, beta_NH,
                                           state_BHKV, numbers_of(in.sequences), in.scale);
    return {out[0], out[1]};
  }
  RecurrenceOut out{room_for_values(in), state_BHKV.clone(at::MemoryFormat::Contiguous)};
  cpu::recurrence_chunked(in, out.out_NHV, out.state_BHKV, nullptr);
  return out;
}

}  // namespace hylo::kernels::torch_form
