// What a task asks and what it is answered: text in, text out. A task never sees a tensor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace hylo::tasks {

/// How tokens are chosen. Greedy unless a temperature is given.
struct Sampling {
  double temperature = 0;  ///< 0: greedy
  int64_t top_k = 0;       ///< keep the k most likely; 0: all
  double top_p = 1;        ///< keep the smallest set with this mass
  double min_p = 0;        ///< drop what is less likely than this share of the most likely
  double repetition_penalty =
      1;  ///< divides positive and multiplies negative logits of tokens seen
  uint64_t seed = 0;
  bool operator==(const Sampling&) const = default;
};

/// Log-likelihood of the continuation after the context.
struct ScoreText {
  std::string context, continuation;
};
/// Log-likelihood of a whole text in windows of the model's length, each token predicted once.
struct ScoreRolling {
  std::string text;
};
struct GenerateText {
  std::string prompt;
  std::vector<std::string> stop;  ///< the response is cut at the first occurrence of each, in order
  int64_t max_new_tokens = 256;
  Sampling sampling;
};
/// Log-likelihood of every token of a text that is read in one context, from its first token as far
/// as the model's length reaches.
struct ScoreTokens {
  std::string text;
  int64_t max_tokens = 0;   ///< read no more than these; 0: as many as the model's length allows
  int64_t span_tokens = 1;  ///< neighbours whose log-likelihoods are added up: 1 keeps each
};
/// How far a student agrees with its teacher on a text, read in windows as ScoreRolling reads it.
struct AgreeOnText {
  std::string text;
  int64_t window_tokens = 2048;  ///< or less, where one of the models is shorter
};
using Request = std::variant<ScoreText, ScoreRolling, GenerateText, ScoreTokens, AgreeOnText>;

/// Token ids travel with the answers so that a run can be inspected; tasks do not look at them.
struct TextScore {
  double log_likelihood = 0;   ///< natural log, summed over the continuation (or over all windows)
  bool is_greedy = false;      ///< every scored token is the arg max; first index wins
  int64_t num_tokens = 0;      ///< tokens scored
  int64_t dropped_tokens = 0;  ///< cut from the left of context and continuation
  /// The context alone is not tokenised as it is inside context + continuation.
  bool boundary_merged = false;
  std::vector<double> window_log_likelihoods;  ///< rolling requests only, in text order
  std::vector<int32_t> context_ids;            ///< as scored, before truncation
  std::vector<int32_t> token_ids;              ///< the continuation, or the whole text when rolling
};

enum class FinishReason { Stop, EndOfText, Length };

struct GeneratedText {
  std::string text;  ///< decoded without special tokens, cut at the stop strings
  FinishReason finish_reason = FinishReason::Length;
  int64_t num_tokens = 0;            ///< generated, the end-of-text token included
  int64_t dropped_tokens = 0;        ///< cut from the left of the prompt
  std::vector<int32_t> context_ids;  ///< the prompt, before truncation
  std::vector<int32_t> token_ids;    ///< everything generated, special tokens too
};

/// A token's position is the number of tokens of the text before it. What tokenizers put around a
/// text (BOS) is not scored; the first token is predicted from BOS.
struct TokenScores {
  std::vector<double> span_log_likelihoods;  ///< natural logs, in text order; the last may be short
  int64_t num_tokens = 0;                    ///< scored
  int64_t unread_tokens = 0;                 ///< of the text's end, beyond the limit
  std::vector<int32_t> token_ids;            ///< of the whole text
};

/// Sums over the tokens of a text, of which every one is predicted once.
struct TextAgreement {
  int64_t num_tokens = 0;
  double kl_nats = 0;        ///< KL(teacher || student) of the next token's distribution
  int64_t num_same_top = 0;  ///< both models have the same most likely token
  double teacher_log_likelihood = 0, student_log_likelihood = 0;  ///< natural logs
  /// Cosines between the models' hidden states after each layer; empty where the models' layers
  /// cannot be held against each other.
  std::vector<double> layer_cosines;
  std::vector<int32_t> token_ids;  ///< of the whole text
};

/// This one request could not be answered; the run goes on. Failed is not wrong.
struct Failed {
  std::string reason;
};
using Response = std::variant<TextScore, GeneratedText, TokenScores, TextAgreement, Failed>;

}  // namespace hylo::tasks
