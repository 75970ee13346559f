// A checkpoint as a system under test: tokenizer, decoder and engine behind text in, text out.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>

#include "harness/system/system_under_test.h"
#include "models/engine/engine.h"
#include "models/tokenizer/tokenizer.h"
#include "models/weights/checkpoint.h"

namespace hylo::harness {

struct DecoderSystemOptions {
  std::filesystem::path folder;                    ///< or "synthetic:NAME", see model_source.h
  std::optional<std::filesystem::path> tokenizer;  ///< another folder or file than the checkpoint's
  models::NumberType type = models::NumberType::Float32;  ///< of weights and arithmetic
  models::EngineOptions engine;
  std::optional<int64_t> max_length;  ///< instead of the context that the checkpoint declares
  bool allow_truncation = false;      ///< cut long requests from the left; else they are Failed
  bool hash_weights = true;           ///< read all weights once for their SHA-256
};

/// A model that is in memory.
struct HeldModel {
  models::Checkpoint checkpoint;  ///< its config and weights
  std::shared_ptr<const models::Tokenizer> tokenizer;
  std::string name;            ///< for people
  std::string weights_sha256;  ///< as identity
};

class DecoderSystem : public SystemUnderTest {
 public:
  /// Opens everything. Throws Error for a broken checkpoint or a tokenizer that is not the model's.
  explicit DecoderSystem(const DecoderSystemOptions& options);
  /// Asks the weights as they are: who changes them meanwhile changes the answers. `options.folder`
  /// is what is stored as the model's place.
  DecoderSystem(HeldModel model, const DecoderSystemOptions& options);
  ~DecoderSystem() override;

  [[nodiscard]] const SystemInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<RequestCost> plan(
      std::span<const tasks::Request> requests) const override;
  [[nodiscard]] std::optional<double> expected_seconds(const RequestCost& total) override;
  void answer(std::span<const tasks::Request> requests,
              const std::function<void(size_t, tasks::Response)>& on_response) override;

  [[nodiscard]] const models::Tokenizer& tokenizer() const { return *tokenizer_; }
  [[nodiscard]] const models::Checkpoint& checkpoint() const { return checkpoint_; }
  [[nodiscard]] models::Engine& engine() { return *engine_; }
  /// Any of them ends a generated text.
  [[nodiscard]] std::vector<int32_t> end_tokens() const;
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }
  [[nodiscard]] const models::Decoder& decoder() const { return *decoder_; }
  /// What a Failed request says when the model gave NaN. Reads all weights, once.
  [[nodiscard]] const std::string& why_not_a_number();

 private:
  struct Encoded;
  [[nodiscard]] std::vector<Encoded> encode(std::span<const tasks::Request> requests) const;
  void score(std::span<const Encoded> encoded,
             const std::function<void(size_t, tasks::Response)>& on_response);
  void generate(std::span<const tasks::Request> requests, std::span<const Encoded> encoded,
                const std::function<void(size_t, tasks::Response)>& on_response);

  DecoderSystemOptions options_;
  models::Checkpoint checkpoint_;
  std::shared_ptr<const models::Tokenizer> tokenizer_;
  std::unique_ptr<models::Decoder> decoder_;
  std::unique_ptr<models::Engine> engine_;
  SystemInfo info_;
  std::vector<std::string> warnings_;
  std::string not_a_number_reason_;
};

}  // namespace hylo::harness
