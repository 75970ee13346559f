#include <ATen/core/Tensor.h>

int main() { return mock_tensor_header; }
