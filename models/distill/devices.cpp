#include "models/distill/devices.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "harness/base/error.h"

namespace hylo::models {
namespace {

constexpr int64_t gigabyte = 1'000'000'000;

/// Of sheets that state figures with sparsity, half is taken.
const std::array devices{
    Device{"a100-80gb", 312e12, 19.5e12, 80 * gigabyte, "NVIDIA A100 Tensor Core GPU data sheet"},
    Device{"h100-sxm", 989.4e12, 67e12, 80 * gigabyte, "NVIDIA H100 Tensor Core GPU data sheet"},
    Device{"h200", 989.4e12, 67e12, 141 * gigabyte, "NVIDIA H200 Tensor Core GPU data sheet"},
    Device{"l40s", 362e12, 91.6e12, 48 * gigabyte, "NVIDIA L40S data sheet"},
    // A process sees one of the two dies of a package.
    Device{"mi250x-die", 191.5e12, 47.85e12, 64 * gigabyte,
           "AMD Instinct MI250X data sheet, halves"},
    Device{"mi300x", 1307.4e12, 163.4e12, 192 * gigabyte, "AMD Instinct MI300X data sheet"},
    Device{"mi325x", 1307.4e12, 163.4e12, 256 * gigabyte, "AMD Instinct MI325X data sheet"},
};

}  // namespace

std::span<const Device> known_devices() { return devices; }

const Device& device_named(std::string_view name) {
  const auto found = std::ranges::find(devices, name, &Device::name);
  if (found == devices.end()) {
    std::vector<std::string> names;
    for (const auto& device : devices) names.push_back(device.name);
    fail("--device {}: expected here or one of {}", name, fmt::join(names, ", "));
  }
  return *found;
}

}  // namespace hylo::models
