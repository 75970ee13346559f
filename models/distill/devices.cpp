#include "models/distill/devices.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "harness/base/error.h"

namespace hylo::models {
namespace {

// NVIDIA's sheets state gigabytes, which are read as 10^9 bytes; a process sees somewhat more.
// AMD's documentation states GiB.
constexpr int64_t gigabyte = 1'000'000'000, gibibyte = int64_t{1} << 30;

// Of sheets that state figures with sparsity, half is taken. Above each: where its figures were
// read.
const std::array devices{
    // glennklockwood.com/garden/processors/A100, which names the sheet 1758950-r4.
    Device{"a100-80gb", 312e12, 19.5e12, 80 * gigabyte, "NVIDIA A100 Tensor Core GPU data sheet"},
    // glennklockwood.com/garden/processors/h100 (989.4 and 66.9); the sheet's 1,979 (sparse) and 67
    // at archive-lib.hpctech.co.jp/gpuproduct/nvidia-h100.html.
    Device{"h100-sxm", 989.4e12, 66.9e12, 80 * gigabyte, "NVIDIA H100 Tensor Core GPU data sheet"},
    // 141 GB and the chip of the H100: aiwiki.ai/wiki/nvidia_h200. No table of its own products was
    // read.
    Device{"h200", 989.4e12, 66.9e12, 141 * gigabyte,
           "NVIDIA H200 Tensor Core GPU data sheet; products of the H100, whose chip it has"},
    // The sheet's table at mullet.se/product.html?product_id=355414.
    Device{"l40s", 362.05e12, 91.6e12, 48 * gigabyte, "NVIDIA L40S data sheet"},
    // A process sees one of the two dies of a package: halves of 383, 95.7 and 128 GiB.
    // gpu.blog/gpus/instinct-mi250x-mi250x; memory: rocm.docs.amd.com, GPU specifications.
    Device{"mi250x-die", 191.5e12, 47.85e12, 64 * gibibyte,
           "AMD Instinct MI250X data sheet, halves"},
    // The chip of the MI325X; memory: rocm.docs.amd.com, GPU specifications.
    Device{"mi300x", 1307.4e12, 163.4e12, 192 * gibibyte, "AMD Instinct MI300X data sheet"},
    // awesomeagents.ai/hardware/amd-mi325x; memory: rocm.docs.amd.com, GPU specifications.
    Device{"mi325x", 1307.4e12, 163.4e12, 256 * gibibyte, "AMD Instinct MI325X data sheet"},
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
