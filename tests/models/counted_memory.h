// Counts what tensors on the CPU take: how much there is now, and the most there was.
#pragma once

#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>

namespace hylo::models::tests {

/// One for the process, in LibTorch's place while it lives.
class CountedMemory final : public c10::Allocator {
 public:
  CountedMemory() : before_(c10::GetCPUAllocator()) {
    now() = most() = 0;
    c10::SetCPUAllocator(this, priority);
  }
  ~CountedMemory() override { c10::SetCPUAllocator(before_, priority); }
  CountedMemory(const CountedMemory&) = delete;
  CountedMemory& operator=(const CountedMemory&) = delete;

  [[nodiscard]] int64_t bytes() const { return now(); }
  [[nodiscard]] int64_t peak_bytes() const { return most(); }
  void forget_peak() { most() = now().load(); }

  c10::DataPtr allocate(size_t size) override {
    void* data = c10::alloc_cpu(size);
    const auto held = now() += used(data);
    auto peak = most().load();
    while (held > peak && !most().compare_exchange_weak(peak, held)) {
    }
    return {data, data, &release, c10::Device(c10::DeviceType::CPU)};
  }
  [[nodiscard]] c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void* to, const void* from, std::size_t count) const override {
    std::memcpy(to, from, count);
  }

 private:
  static constexpr uint8_t priority = 255;
  static int64_t used(void* data) {
    return data ? static_cast<int64_t>(malloc_usable_size(data)) : 0;
  }
  static void release(void* data) {
    now() -= used(data);
    c10::free_cpu(data);
  }
  static std::atomic<int64_t>& now() {
    static std::atomic<int64_t> bytes{0};
    return bytes;
  }
  static std::atomic<int64_t>& most() {
    static std::atomic<int64_t> bytes{0};
    return bytes;
  }

  c10::Allocator* before_;
};

}  // namespace hylo::models::tests
