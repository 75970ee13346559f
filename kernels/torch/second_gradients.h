// Backward passes that are written by hand and have none of their own.
#pragma once

#include <ATen/core/grad_mode.h>

#include "harness/base/error.h"

namespace hylo::kernels::torch_form {

/// Throws Error, in the name of `op`, inside a backward pass that is itself recorded.
inline void refuse_second_gradients(const char* op) {
  require(!at::GradMode::is_enabled(), "{}: its gradient has no gradient; leave out create_graph",
          op);
}

}  // namespace hylo::kernels::torch_form
