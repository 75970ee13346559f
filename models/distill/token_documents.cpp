#include "models/distill/token_documents.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "harness/base/error.h"
#include "harness/base/hash.h"

namespace hylo::models {
namespace {

/// Documents that are encoded before their ids are packed: bounds what exists in both forms.
constexpr int64_t documents_per_round = 4096;

struct DocumentEnds {
  std::optional<int32_t> bos, eos;
};

std::optional<int32_t> end_token(EndToken wish, bool is_habit, std::optional<int32_t> id,
                                 const char* name, const TokenizerInfo& info) {
  if (wish == EndToken::Never || (wish == EndToken::AsTokenizer && !is_habit)) return std::nullopt;
  require(id.has_value(),
          "documents to train on: expected a tokenizer with {}, found none in this {} tokenizer; "
          "train without it or name it in the tokenizer's configuration",
          name, info.kind);
  return id;
}

DocumentEnds ends_of(const TokenizerInfo& info, const TokenizeOptions& options) {
  return {.bos = end_token(options.bos, info.adds_bos, info.bos, "BOS", info),
          .eos = end_token(options.eos, info.adds_eos, info.eos, "EOS", info)};
}

size_t common_beginning(const std::vector<int32_t>& a, const std::vector<int32_t>& b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

/// Tokens of the whole text, each marked as the span that it belongs to.
std::vector<TrainingToken> marked_tokens(const std::vector<datasets::TextSpan>& spans,
                                         const Tokenizer& tokenizer) {
  std::string text;
  for (const auto& span : spans) text += span.text;
  const auto ids = tokenizer.encode(text, /*add_special_tokens=*/false);
  std::vector<TrainingToken> tokens;
  tokens.reserve(ids.size() + 2);
  bool is_trained = !spans.empty() && spans.front().is_trained;
  size_t num_bytes = 0;
  const auto mark_up_to = [&](size_t end) {
    while (tokens.size() < end) tokens.emplace_back(ids[tokens.size()], is_trained);
  };
  for (const auto& span : spans) {
    if (span.is_trained != is_trained) {
      const auto before = std::string_view(text).substr(0, num_bytes);
      mark_up_to(common_beginning(tokenizer.encode(before, false), ids));
      is_trained = span.is_trained;
    }
    num_bytes += span.text.size();
  }
  mark_up_to(ids.size());
  return tokens;
}

std::vector<TrainingToken> text_tokens(const std::vector<datasets::TextSpan>& spans,
                                       const Tokenizer& tokenizer, const DocumentEnds& ends) {
  auto tokens = marked_tokens(spans, tokenizer);
  if (ends.bos && (tokens.empty() || tokens.front().id() != *ends.bos)) {
    tokens.insert(tokens.begin(), TrainingToken(*ends.bos, false));
  }
  if (ends.eos && (tokens.empty() || tokens.back().id() != *ends.eos)) {
    const bool ends_trained = !spans.empty() && spans.back().is_trained;
    tokens.emplace_back(*ends.eos, ends_trained);
  }
  return tokens;
}

/// The rejected text is empty where documents are no pairs.
struct TokensOfTexts {
  std::vector<TrainingToken> text, rejected;
};

TokensOfTexts tokens_or_error(const datasets::TrainingDocument& document,
                              const Tokenizer& tokenizer, const DocumentEnds& ends) {
  try {
    TokensOfTexts tokens{text_tokens(document.spans, tokenizer, ends), {}};
    if (!document.rejected.empty()) {
      tokens.rejected = text_tokens(document.rejected, tokenizer, ends);
    }
    return tokens;
  } catch (const Error& error) {
    fail("{}: {}", document.origin, error.what());
  }
}

bool teaches(std::span<const TrainingToken> tokens) {
  return !tokens.empty() && std::ranges::any_of(tokens.subspan(1), &TrainingToken::is_trained);
}

}  // namespace

TokenDocuments::TokenDocuments(std::string tokenizer_sha256)
    : tokenizer_sha256_(std::move(tokenizer_sha256)) {}

void TokenDocuments::add(std::span<const TrainingToken> tokens) {
  invariant(!holds_pairs_, "a document among pairs");
  if (!teaches(tokens)) {
    ++num_without_labels_;
    return;
  }
  tokens_.insert(tokens_.end(), tokens.begin(), tokens.end());
  ends_.push_back(num_tokens());
}

void TokenDocuments::add(std::span<const int32_t> ids) {
  std::vector<TrainingToken> tokens;
  tokens.reserve(ids.size());
  for (const auto id : ids) tokens.emplace_back(id, true);
  add(tokens);
}

void TokenDocuments::add_pair(std::span<const TrainingToken> chosen,
                              std::span<const TrainingToken> rejected) {
  invariant(holds_pairs_ || ends_.empty(), "a pair among documents");
  holds_pairs_ = true;
  if (!teaches(chosen) || !teaches(rejected)) {
    ++num_without_labels_;
    return;
  }
  tokens_.insert(tokens_.end(), chosen.begin(), chosen.end());
  tokens_.push_back(rejected.front().beginning_rejected());
  tokens_.insert(tokens_.end(), rejected.begin() + 1, rejected.end());
  ends_.push_back(num_tokens());
}

std::span<const TrainingToken> TokenDocuments::at(int64_t document) const {
  const auto index = static_cast<size_t>(document);
  const auto begin = static_cast<size_t>(index == 0 ? 0 : ends_[index - 1]);
  return std::span(tokens_).subspan(begin, static_cast<size_t>(ends_[index]) - begin);
}

std::string TokenDocuments::sha256() const {
  const auto bytes = []<class T>(const std::vector<T>& values) {
    return std::string_view(reinterpret_cast<const char*>(values.data()),
                            values.size() * sizeof(T));
  };
  return Sha256().update(bytes(ends_)).update(bytes(tokens_)).hex();
}

TokenDocuments tokenized(std::span<const datasets::TrainingDocument> documents,
                         const Tokenizer& tokenizer, const TokenizeOptions& options) {
  const auto ends = ends_of(tokenizer.info(), options);
  TokenDocuments all(tokenizer.info().sha256);
  while (!documents.empty()) {
    const auto round =
        documents.first(std::min(documents.size(), static_cast<size_t>(documents_per_round)));
    std::vector<TokensOfTexts> tokens(round.size());
    at::parallel_for(0, static_cast<int64_t>(round.size()), 1, [&](int64_t begin, int64_t end) {
      for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i) {
        tokens[i] = tokens_or_error(round[i], tokenizer, ends);
      }
    });
    for (size_t i = 0; i < round.size(); ++i) {
      const auto& [text, rejected] = tokens[i];
      require(rejected.empty() != all.holds_pairs() || all.size() == 0,
              "{}: pairs of preferences and other texts cannot be one source", round[i].origin);
      rejected.empty() ? all.add(text) : all.add_pair(text, rejected);
    }
    documents = documents.subspan(round.size());
  }
  return all;
}

}  // namespace hylo::models
