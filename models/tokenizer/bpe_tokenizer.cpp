#include "models/tokenizer/bpe_tokenizer.h"

#include <algorithm>
#include <charconv>

#include "harness/base/error.h"
#include "harness/base/unicode.h"

namespace hylo::models {
namespace {

std::string kind_of(const BpeModel& model) {
  if (model.byte_level) return "byte-level BPE";
  return model.byte_fallback ? "BPE with byte fallback" : "BPE";
}

/// The byte that a token like <0x0A> stands for.
std::optional<char> byte_of(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) return std::nullopt;
  unsigned value = 0;
  const auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, value, 16);
  if (error != std::errc() || end != token.data() + 5) return std::nullopt;
  return static_cast<char>(value);
}

DecodeRules rules_of(const TextDecoder& decoder) {
  if (decoder.byte_level) return {};
  return {DecodeRules::BrokenBytes::EachOfRun, decoder.leading_blank};
}

}  // namespace

/// A cache that goes back when the call is over.
class BpeTokenizer::Lease {
 public:
  explicit Lease(const BpeTokenizer& owner) : owner_(owner) {
    if (!owner.options_.use_cache) return;
    const std::lock_guard lock(owner.caches_mutex_);
    if (owner.caches_.empty()) {
      cache_ = std::make_unique<PieceCache>();
    } else {
      cache_ = std::move(owner.caches_.back());
      owner.caches_.pop_back();
    }
  }
  ~Lease() {
    if (!cache_) return;
    const std::lock_guard lock(owner_.caches_mutex_);
    owner_.caches_.push_back(std::move(cache_));
  }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  [[nodiscard]] PieceCache* cache() const { return cache_.get(); }

 private:
  const BpeTokenizer& owner_;
  std::unique_ptr<PieceCache> cache_;
};

BpeTokenizer::BpeTokenizer(TokenizerParts parts, const TokenizerConfig& config,
                           const std::string& where, BpeTokenizerOptions options)
    : options_(options),
      info_{.kind = kind_of(parts.model), .notes = parts.notes},
      rules_(rules_of(parts.decoder)),
      bpe_(std::move(parts.model), where),
      pre_tokenizer_(parts.pre_tokenizer, {.use_scanners = options.use_scanners}),
      normalizer_(parts.normalizer) {
  take_names(config, parts, where);
  take_surroundings(config, parts);
  take_added_tokens(parts, where);
  take_texts(parts.decoder);
  info_.vocabulary_size = static_cast<int64_t>(texts_.size());
}

/// Names of the configuration that are tokens of the model become special tokens.
void BpeTokenizer::take_names(const TokenizerConfig& config, TokenizerParts& parts,
                              const std::string& where) {
  for (const auto& token : parts.added_tokens) {
    const auto old = bpe_.vocabulary().find(token.content);
    require(!old || *old == token.id, "{}: added token '{}' has id {}, in the vocabulary {}", where,
            token.content, token.id, old.value_or(-1));
    const bool is_free = !bpe_.vocabulary().has(token.id) || old;
    require(is_free, "{}: id {} stands for the added token '{}' and for '{}' of the vocabulary",
            where, token.id, token.content, is_free ? "" : bpe_.vocabulary().token(token.id));
    added_.add(token.content, token.id);
  }
  const auto name = [&](const std::string& content) {
    const auto id = bpe_.vocabulary().find(content);
    if (!id || added_.find(content)) return;
    parts.added_tokens.push_back({.id = *id, .content = content, .special = true});
    added_.add(content, *id);
  };
  for (const auto& content : {config.bos, config.eos, config.pad, config.unknown}) {
    if (content) name(*content);
  }
  for (const auto& content : config.more_special) name(content);
  for (auto& token : parts.added_tokens)
    token.special = token.special || config.names(token.content);
  name_special_tokens(
      config, [&](const std::string& token) { return id_of(token); }, info_);
}

/// Flags of the configuration count for more than a template, as in transformers 5.
void BpeTokenizer::take_surroundings(const TokenizerConfig& config, const TokenizerParts& parts) {
  before_ = parts.before;
  after_ = parts.after;
  if (!info_.bos && before_.size() == 1) info_.bos = before_.front();
  if (config.adds_bos || config.adds_eos) {
    before_.clear();
    after_.clear();
    if (config.adds_bos.value_or(false) && info_.bos) before_ = {*info_.bos};
    if (config.adds_eos.value_or(false) && info_.eos) after_ = {*info_.eos};
    const bool had_template = !parts.before.empty() || !parts.after.empty();
    if (had_template && (before_ != parts.before || after_ != parts.after)) {
      info_.notes.emplace_back(
          "add_bos_token and add_eos_token of tokenizer_config.json replace the template of "
          "tokenizer.json");
    }
  }
  if (!info_.eos) info_.notes.emplace_back("no end token is named");
  info_.adds_bos = !before_.empty();
  info_.adds_eos = !after_.empty();
}

void BpeTokenizer::take_added_tokens(const TokenizerParts& parts, const std::string& where) {
  std::vector<AddedToken> raw, normalized;
  for (AddedToken token : parts.added_tokens) {
    if (!token.normalized) {
      raw.push_back(token);
      continue;
    }
    token.content = normalize(normalizer_, token.content);
    if (!token.content.empty()) normalized.push_back(token);
  }
  raw_tokens_ = AddedTokenFinder(std::move(raw));
  normalized_tokens_ = AddedTokenFinder(std::move(normalized));
  texts_.resize(static_cast<size_t>(std::max(bpe_.vocabulary().end_id(), added_.end_id())));
  for (const auto& token : parts.added_tokens) {
    texts_[static_cast<size_t>(token.id)].is_special = token.special;
  }
  for (const auto& ids : {before_, after_}) {
    for (const int32_t id : ids) {
      require(bpe_.vocabulary().has(id) || added_.has(id),
              "{}: id {} is put around a text, but stands for no token", where, id);
    }
  }
}

void BpeTokenizer::take_texts(const TextDecoder& decoder) {
  for (int32_t id = 0; id < static_cast<int32_t>(texts_.size()); ++id) {
    const bool is_added = added_.has(id);
    if (!is_added && !bpe_.vocabulary().has(id)) continue;
    auto& text = texts_[static_cast<size_t>(id)];
    const bool is_special = text.is_special;
    text = text_from(is_added ? added_.token(id) : bpe_.vocabulary().token(id), decoder);
    text.is_special = is_special;
  }
}

BpeTokenizer::IdText BpeTokenizer::text_from(std::string_view token,
                                             const TextDecoder& decoder) const {
  if (decoder.byte_level) {
    return {.bytes = byte_level_bytes(token).value_or(std::string(token)), .is_there = true};
  }
  std::string text(token);
  for (const auto& [from, to] : decoder.replacements) text = replace_all(text, from, to);
  const auto byte = decoder.byte_fallback ? byte_of(text) : std::nullopt;
  return {.bytes = byte ? std::string(1, *byte) : text,
          .is_there = true,
          .is_byte_fallback = byte.has_value()};
}

std::vector<int32_t> BpeTokenizer::encode(std::string_view text, bool add_special_tokens) const {
  const auto broken = first_invalid_utf8(text);
  require(!broken, "tokenizer: the text is not UTF-8 at byte {}; convert it first",
          broken.value_or(0));
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 4 + 8);
  const bool has_bos =
      !before_.empty() && text.starts_with(texts_[static_cast<size_t>(before_.front())].bytes);
  if (add_special_tokens && !has_bos) ids = before_;
  const Lease lease(*this);
  raw_tokens_.split(text, [&](std::optional<int32_t> id, std::string_view part) {
    if (id) return ids.push_back(*id);
    const bool is_first = part.data() == text.data();
    const std::string normalized =
        normalizer_.empty() ? std::string() : normalize(normalizer_, part);
    encode_between(normalizer_.empty() ? part : std::string_view(normalized), is_first,
                   lease.cache(), ids);
  });
  if (add_special_tokens) ids.insert(ids.end(), after_.begin(), after_.end());
  return ids;
}

void BpeTokenizer::encode_between(std::string_view text, bool is_first, PieceCache* cache,
                                  std::vector<int32_t>& ids) const {
  normalized_tokens_.split(text, [&](std::optional<int32_t> id, std::string_view part) {
    if (id) return ids.push_back(*id);
    pre_tokenizer_.split(part, is_first && part.data() == text.data(),
                         [&](std::string_view piece) { encode_words(piece, cache, ids); });
  });
}

void BpeTokenizer::encode_words(std::string_view piece, PieceCache* cache,
                                std::vector<int32_t>& ids) const {
  if (!bpe_.cuts_at_marks()) return encode_piece(piece, cache, ids);
  while (!piece.empty()) {
    const size_t end = end_of_marked_word(piece);
    encode_piece(piece.substr(0, end), cache, ids);
    piece.remove_prefix(end);
  }
}

void BpeTokenizer::encode_piece(std::string_view piece, PieceCache* cache,
                                std::vector<int32_t>& ids) const {
  if (!cache) return bpe_.append_ids(piece, ids);
  const auto known = cache->find(piece);
  if (!known.empty()) {
    ids.insert(ids.end(), known.begin(), known.end());
    return;
  }
  const size_t begin = ids.size();
  bpe_.append_ids(piece, ids);
  cache->put(piece, std::span(ids).subspan(begin));
}

TokenText BpeTokenizer::text_of(int32_t id) const {
  const bool is_known =
      id >= 0 && id < info_.vocabulary_size && texts_[static_cast<size_t>(id)].is_there;
  require(is_known, "tokenizer: id {} stands for no token; ids go from 0 to {}", id,
          info_.vocabulary_size - 1);
  const auto& text = texts_[static_cast<size_t>(id)];
  return {.bytes = text.bytes, .is_byte_fallback = text.is_byte_fallback};
}

bool BpeTokenizer::is_special(int32_t id) const {
  return id >= 0 && id < info_.vocabulary_size && texts_[static_cast<size_t>(id)].is_special;
}

std::optional<int32_t> BpeTokenizer::id_of(std::string_view token) const {
  const auto id = added_.find(token);
  return id ? id : bpe_.vocabulary().find(token);
}

}  // namespace hylo::models
