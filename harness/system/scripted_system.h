// A system without a network: answers are computed from a checksum of the request, so that whole
// data sets run in seconds and prompts, order and aggregates are pinned.
#pragma once

#include "harness/system/system_under_test.h"

namespace hylo::harness {

/// Log-likelihood -(c mod 64 + 1) / 4 with c = crc32(context + 0x1f + continuation), greedy = bit
/// 16 of c; a rolling text gives -(crc32(text) mod 1000003) / 8. Generated texts are "#### N" with
/// N = the CRC-32 of the prompt modulo 1000. Token by token, a text is its bytes, each with -(byte
/// mod 16 + 1) / 4. There is no teacher: what asks for one is Failed.
class CrcSystem : public SystemUnderTest {
 public:
  CrcSystem();
  [[nodiscard]] const SystemInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<RequestCost> plan(
      std::span<const tasks::Request> requests) const override;
  [[nodiscard]] std::optional<double> expected_seconds(const RequestCost& total) override;
  void answer(std::span<const tasks::Request> requests,
              const std::function<void(size_t, tasks::Response)>& on_response) override;

 private:
  SystemInfo info_;
};

}  // namespace hylo::harness
