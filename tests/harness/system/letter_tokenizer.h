// A tokenizer whose ids a reader knows by heart: a letter is its own byte, "bc" is one token.
#pragma once

#include <string>
#include <vector>

#include "models/tokenizer/tokenizer.h"

namespace hylo::harness {

class LetterTokenizer : public models::Tokenizer {
 public:
  static constexpr int32_t bos = 1, eos = 2, bc = 256;

  explicit LetterTokenizer(bool with_special = true, bool adds_bos = false) {
    info_.kind = "letters";
    info_.vocabulary_size = 257;
    info_.adds_bos = adds_bos;
    if (with_special) {
      info_.bos = bos;
      info_.eos = eos;
    }
    for (int id = 0; id < 256; ++id) texts_.emplace_back(1, static_cast<char>(id));
    texts_.emplace_back("bc");
    texts_[bos] = "<s>";
    texts_[eos] = "</s>";
  }

  [[nodiscard]] const models::TokenizerInfo& info() const override { return info_; }
  [[nodiscard]] std::vector<int32_t> encode(std::string_view text,
                                            bool add_special_tokens) const override {
    std::vector<int32_t> ids;
    if (add_special_tokens && info_.adds_bos) ids.push_back(bos);
    for (size_t i = 0; i < text.size(); ++i) {
      const bool is_pair = text.substr(i, 2) == "bc";
      ids.push_back(is_pair ? bc : static_cast<unsigned char>(text[i]));
      if (is_pair) ++i;
    }
    return ids;
  }
  [[nodiscard]] models::TokenText text_of(int32_t id) const override {
    return {.bytes = texts_.at(static_cast<size_t>(id))};
  }
  [[nodiscard]] models::DecodeRules decode_rules() const override { return {}; }
  [[nodiscard]] bool is_special(int32_t id) const override { return id == bos || id == eos; }
  [[nodiscard]] std::optional<int32_t> id_of(std::string_view) const override { return {}; }

 private:
  models::TokenizerInfo info_;
  std::vector<std::string> texts_;
};

}  // namespace hylo::harness
