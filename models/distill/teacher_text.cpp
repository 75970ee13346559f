#include "models/distill/teacher_text.h"

#include "harness/base/error.h"
#include "harness/base/random.h"
#include "models/engine/engine.h"

namespace hylo::models {
namespace {

/// Sequences side by side: the weights are read once for all of them.
constexpr int64_t num_side_by_side = 64;

}  // namespace

TokenDocuments teacher_text(const Decoder& teacher, const std::string& tokenizer_sha256,
                            const TeacherTextOptions& options,
                            const std::function<void(int64_t)>& on_document) {
  const auto num_prompt = std::ssize(options.prompt);
  require(num_prompt > 0,
          "teacher text: documents must begin with a token; the tokenizer has no "
          "BOS, so name a prompt");
  require(options.num_documents > 0 && options.max_tokens > num_prompt,
          "teacher text: {} documents of at most {} tokens, of which {} are the prompt, cannot be",
          options.num_documents, options.max_tokens, num_prompt);
  const auto longest = teacher.config().max_positions;
  require(longest == 0 || options.max_tokens <= longest,
          "teacher text: max_tokens {} is beyond the teacher's context of {}", options.max_tokens,
          longest);
  std::vector<GenerateJob> jobs;
  for (int64_t i = 0; i < options.num_documents; ++i) {
    const auto number = static_cast<uint64_t>(options.first_document + i);
    jobs.push_back({.prompt = options.prompt,
                    .max_new_tokens = options.max_tokens - num_prompt,
                    .sampling = options.sampling,
                    .seed = CounterRandom(options.seed, number).next(),
                    .end_tokens = options.end_tokens,
                    .is_finished = {}});
  }
  std::vector<std::vector<int32_t>> written(jobs.size());
  Engine engine(teacher, {.max_sequences = num_side_by_side});
  int64_t num_done = 0;
  engine.generate(jobs, [&](size_t job, Generated generated) {
    written[job] = std::move(generated.tokens);
    if (on_document) on_document(++num_done);
  });
  TokenDocuments documents(tokenizer_sha256);
  for (const auto& tokens : written) {
    auto ids = options.prompt;
    ids.insert(ids.end(), tokens.begin(), tokens.end());
    documents.add(ids);
  }
  return documents;
}

}  // namespace hylo::models
