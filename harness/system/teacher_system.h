// A student beside its teacher: asks both where a request compares them, and the student alone
// where it does not.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "harness/system/decoder_system.h"
#include "harness/system/system_under_test.h"
#include "models/engine/agreement.h"

namespace hylo::harness {

class TeacherSystem : public SystemUnderTest {
 public:
  /// Throws Error, naming both, when their vocabularies differ. Where one vocabulary is in two
  /// files, each text is read with both: one that they read as different tokens is Failed. The
  /// teacher becomes part of the system's identity.
  TeacherSystem(std::unique_ptr<DecoderSystem> student, std::unique_ptr<DecoderSystem> teacher);

  [[nodiscard]] const SystemInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<RequestCost> plan(
      std::span<const tasks::Request> requests) const override;
  /// Takes all requests as comparing both models, half of the rows each.
  [[nodiscard]] std::optional<double> expected_seconds(const RequestCost& total) override;
  void answer(std::span<const tasks::Request> requests,
              const std::function<void(size_t, tasks::Response)>& on_response) override;

  /// What is not compared, and why; empty when everything is.
  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }

 private:
  struct Text;
  [[nodiscard]] Text encode(const tasks::AgreeOnText& request) const;
  [[nodiscard]] tasks::Response compare(const tasks::AgreeOnText& request);

  std::unique_ptr<DecoderSystem> student_, teacher_;
  models::AgreementMeter meter_;
  SystemInfo info_;
  std::vector<std::string> notes_;
};

}  // namespace hylo::harness
