#include "models/decoder/recomputed.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

#include "harness/base/error.h"

namespace hylo::models {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;
using Run = std::function<at::Tensor(const at::Tensor&)>;

/// What a context cannot hold otherwise.
struct Held : torch::CustomClassHolder {
  explicit Held(Run run) : run(std::move(run)) {}
  Run run;
};

struct Recomputed : torch::autograd::Function<Recomputed> {
  /// `anchor` wants a gradient, so that this is part of the graph even where x does not.
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_ND, const at::Tensor&,
                            const Run& run) {
    context->save_for_backward({x_ND});
    context->saved_data["run"] = c10::IValue::make_capsule(c10::make_intrusive<Held>(run));
    return run(x_ND);
  }

  static variable_list backward(AutogradContext* context, const variable_list& wanted) {
    require(!at::GradMode::is_enabled(),
            "recomputed layers: their gradient has no gradient; leave out create_graph");
    const auto held = c10::static_intrusive_pointer_cast<Held>(
        c10::intrusive_ptr<c10::intrusive_ptr_target>(context->saved_data["run"].toCapsule()));
    const auto saved_ND = context->get_saved_variables()[0];
    const auto x_ND = saved_ND.detach().requires_grad_(saved_ND.requires_grad());
    at::Tensor out_ND;
    {
      const at::AutoGradMode with_graph(true);
      out_ND = held->run(x_ND);
    }
    // Where everything is frozen up to here, nobody wants a gradient.
    if (!out_ND.requires_grad()) return {{}, {}, {}};
    torch::autograd::backward({out_ND}, {wanted[0]});
    return {x_ND.grad(), {}, {}};
  }
};

}  // namespace

at::Tensor recomputed(const Run& run, const at::Tensor& x_ND) {
  if (!at::GradMode::is_enabled()) return run(x_ND);
  const auto anchor = at::zeros({0}).requires_grad_(true);
  return Recomputed::apply(x_ND, anchor, run);
}

}  // namespace hylo::models
