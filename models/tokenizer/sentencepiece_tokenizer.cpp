#include "models/tokenizer/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>

#include "harness/base/error.h"
#include "harness/base/unicode.h"
#include "models/tokenizer/bpe.h"

namespace hylo::models {
/// The library with errors of ours.
class SentencePieceTokenizer::Library {
 public:
  Library(const std::string& serialized, const std::string& where) {
    const auto status = processor_.LoadFromSerializedProto(serialized);
    require(status.ok() && processor_.GetPieceSize() > 0,
            "{}: expected a SentencePiece model; the library says: {}", where, status.ToString());
  }

  [[nodiscard]] std::vector<int> encode(std::string_view text) const {
    std::vector<int> ids;
    const auto status = processor_.Encode({text.data(), text.size()}, &ids);
    require(status.ok(), "tokenizer: sentencepiece: {}", status.ToString());
    return ids;
  }

  [[nodiscard]] std::string decode(const std::vector<int>& ids) const {
    std::string text;
    const auto status = processor_.Decode(ids, &text);
    require(status.ok(), "tokenizer: sentencepiece: {}", status.ToString());
    return text;
  }

  [[nodiscard]] const sentencepiece::SentencePieceProcessor& processor() const {
    return processor_;
  }

 private:
  sentencepiece::SentencePieceProcessor processor_;
};

namespace {

/// What the model does with leading blanks is not in the library's interface, but in what it does.
template <class Library>
DecodeRules::LeadingBlank leading_blank_of(const Library& library) {
  using LeadingBlank = DecodeRules::LeadingBlank;
  const auto& processor = library.processor();
  for (int id = 0; id < processor.GetPieceSize(); ++id) {
    const bool is_text =
        !processor.IsControl(id) && !processor.IsUnknown(id) && !processor.IsByte(id);
    if (!is_text || !processor.IdToPiece(id).starts_with(blank_mark)) continue;
    const std::string once = library.decode({id});
    if (once.starts_with(' ')) return LeadingBlank::Keep;
    // The bare mark leaves no text behind, so the blank of a second one shows whether all are
    // dropped.
    if (once.empty()) {
      return library.decode({id, id}).empty() ? LeadingBlank::StripUntilText
                                              : LeadingBlank::StripFromFirstPiece;
    }
  }
  return LeadingBlank::StripFromFirstPiece;
}

}  // namespace

SentencePieceTokenizer::SentencePieceTokenizer(const std::string& serialized,
                                               const std::optional<TokenizerConfig>& config,
                                               const std::vector<AddedToken>& added_tokens,
                                               const std::string& where)
    : library_(std::make_unique<const Library>(serialized, where)), info_{.kind = "SentencePiece"} {
  rules_ = {DecodeRules::BrokenBytes::EachBroken, leading_blank_of(*library_)};
  take_pieces();
  const auto& processor = library_->processor();
  const auto known = [](int id) { return id < 0 ? std::nullopt : std::optional<int32_t>(id); };
  info_.bos = known(processor.bos_id());
  info_.eos = known(processor.eos_id());
  info_.pad = known(processor.pad_id());
  info_.unknown = known(processor.unk_id());
  if (config) {
    take_config(*config, added_tokens, where);
  } else {
    info_.notes.emplace_back(
        "a SentencePiece model alone: no BOS is added, as nothing asks for it");
  }
  info_.vocabulary_size = static_cast<int64_t>(texts_.size());
}

SentencePieceTokenizer::~SentencePieceTokenizer() = default;

void SentencePieceTokenizer::take_pieces() {
  const auto& processor = library_->processor();
  texts_.resize(static_cast<size_t>(processor.GetPieceSize()));
  for (int id = 0; id < processor.GetPieceSize(); ++id) {
    auto& text = texts_[static_cast<size_t>(id)];
    text.name = processor.IdToPiece(id);
    text.is_byte = processor.IsByte(id);
    text.is_special = processor.IsControl(id);
    text.is_unknown = processor.IsUnknown(id);
    if (text.is_byte) {
      text.bytes =
          std::string(1, static_cast<char>(std::stoi(text.name.substr(3, 2), nullptr, 16)));
    } else if (processor.IsUnknown(id)) {
      text.bytes = library_->decode({id});
    } else {
      text.bytes = replace_all(text.name, blank_mark, " ");
    }
  }
}

void SentencePieceTokenizer::take_config(const TokenizerConfig& config,
                                         const std::vector<AddedToken>& added_tokens,
                                         const std::string& where) {
  for (const auto& token : added_tokens) add(token, where);
  TokenizerInfo named;
  name_special_tokens(
      config, [&](const std::string& token) { return id_of(token); }, named);
  if (named.bos) info_.bos = named.bos;
  if (named.eos) info_.eos = named.eos;
  if (named.pad) info_.pad = named.pad;
  if (named.unknown) info_.unknown = named.unknown;
  info_.notes.insert(info_.notes.end(), named.notes.begin(), named.notes.end());
  if (info_.unknown) {
    auto& unknown = texts_[static_cast<size_t>(*info_.unknown)];
    unknown.is_special = true;
    unknown.bytes = unknown.name;
  }
  std::vector<AddedToken> in_text = added_tokens;
  for (size_t id = 0; id < texts_.size(); ++id) {
    auto& text = texts_[id];
    text.is_special = text.is_special || config.names(text.name);
    const bool is_listed =
        std::any_of(in_text.begin(), in_text.end(),
                    [&](const AddedToken& token) { return token.id == static_cast<int32_t>(id); });
    if (text.is_special && !is_listed) {
      in_text.push_back({.id = static_cast<int32_t>(id), .content = text.name, .special = true});
    }
  }
  tokens_in_text_ = AddedTokenFinder(std::move(in_text));
  if (!config.adds_bos) {
    info_.notes.emplace_back("tokenizer_config.json does not say add_bos_token: BOS is added");
  }
  info_.adds_bos = config.adds_bos.value_or(true) && info_.bos;
  info_.adds_eos = config.adds_eos.value_or(false) && info_.eos;
}

void SentencePieceTokenizer::add(const AddedToken& token, const std::string& where) {
  const auto id = static_cast<size_t>(token.id);
  if (id >= texts_.size()) texts_.resize(id + 1);
  auto& text = texts_[id];
  require(text.name.empty() || text.name == token.content,
          "{}: id {} stands for the added token '{}' and for the piece '{}'", where, token.id,
          token.content, text.name);
  text.name = token.content;
  text.bytes = token.content;
  text.is_special = text.is_special || token.special;
}

std::vector<int32_t> SentencePieceTokenizer::encode(std::string_view text,
                                                    bool add_special_tokens) const {
  const auto broken = first_invalid_utf8(text);
  require(!broken, "tokenizer: the text is not UTF-8 at byte {}; convert it first",
          broken.value_or(0));
  std::vector<int32_t> ids;
  const bool wants_bos = add_special_tokens && info_.adds_bos;
  if (wants_bos && !text.starts_with(texts_[static_cast<size_t>(*info_.bos)].name)) {
    ids.push_back(*info_.bos);
  }
  tokens_in_text_.split(text, [&](std::optional<int32_t> id, std::string_view part) {
    if (id) return ids.push_back(*id);
    const auto part_ids = library_->encode(part);
    ids.insert(ids.end(), part_ids.begin(), part_ids.end());
  });
  if (add_special_tokens && info_.adds_eos) ids.push_back(*info_.eos);
  return ids;
}

TokenText SentencePieceTokenizer::text_of(int32_t id) const {
  const bool is_known =
      id >= 0 && id < info_.vocabulary_size && !texts_[static_cast<size_t>(id)].name.empty();
  require(is_known, "tokenizer: id {} stands for no token; ids go from 0 to {}", id,
          info_.vocabulary_size - 1);
  const auto& text = texts_[static_cast<size_t>(id)];
  return {text.bytes, text.is_byte, text.is_unknown};
}

bool SentencePieceTokenizer::is_special(int32_t id) const {
  return id >= 0 && id < info_.vocabulary_size && texts_[static_cast<size_t>(id)].is_special;
}

std::optional<int32_t> SentencePieceTokenizer::id_of(std::string_view token) const {
  for (size_t id = 0; id < texts_.size(); ++id) {
    if (texts_[id].name == token && !token.empty()) return static_cast<int32_t>(id);
  }
  return std::nullopt;
}

}  // namespace hylo::models
