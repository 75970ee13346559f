#include "harness/training/training_data.h"

#include <algorithm>

#include "datasets/held_out.h"
#include "harness/base/error.h"
#include "harness/base/hash.h"
#include "harness/base/overloaded.h"
#include "harness/base/random.h"
#include "harness/base/units.h"
#include "harness/training/copied_documents.h"
#include "harness/training/ruler_documents.h"
#include "harness/training/teacher_writing.h"
#include "models/config/own_config.h"

namespace hylo::harness {
namespace {

using models::TokenDocuments;

/// Training and held-out documents of one source.
struct Divided {
  TokenDocuments training, held_out;
};

/// FNV-1a of 64 bits (Fowler, Noll, Vo), over whole words.
constexpr uint64_t fnv_basis = 14695981039346656037ULL;
uint64_t fnv(uint64_t hash, uint64_t word) { return (hash ^ word) * 1099511628211ULL; }

uint64_t hash_of(std::string_view text) {
  uint64_t hash = fnv_basis;
  for (const unsigned char byte : text) hash = fnv(hash, byte);
  return hash;
}

uint64_t hash_of(std::span<const models::TrainingToken> document) {
  uint64_t hash = fnv_basis;
  for (const auto& token : document) hash = fnv(hash, static_cast<uint64_t>(token.id()));
  return hash;
}

void append(TokenDocuments& to, const TokenDocuments& from) {
  for (int64_t i = 0; i < from.size(); ++i) {
    const auto document = from.at(i);
    if (!from.holds_pairs()) {
      to.add(document);
      continue;
    }
    const auto border = std::ranges::find_if(document, &models::TrainingToken::begins_rejected);
    to.add_pair({document.begin(), border}, {border, document.end()});
  }
}

class DataReader {
 public:
  DataReader(const models::Recipe& recipe, const models::Tokenizer& tokenizer,
             const TrainingDataOptions& options)
      : recipe_(recipe), tokenizer_(tokenizer), options_(options) {}

  TrainingData read() {
    if (recipe_.held_out && recipe_.held_out->text) {
      held_out_texts_ = texts_of("held_out", *recipe_.held_out->text);
      hold_out(tokenized(held_out_texts_, recipe_.held_out->text->tokens));
    }
    for (const auto& source : recipe_.data) {
      auto divided = std::visit(
          overloaded{
              [&](const models::TextData& text) { return divided_texts(source.name, text); },
              [&](const models::TeacherData& data) { return divided_writing(source.name, data); },
              [&](const models::RulerData& data) {
                return divided_samples(ruler_documents(data, tokenizer_, seed_of(source.name)),
                                       data.tokens);
              },
              [&](const models::CopiesData& data) {
                return divided_samples(copied_documents(data, seed_of(source.name)), data.tokens);
              }},
          source.data);
      require(divided.training.size() > 0, "data '{}': no document is left to train on",
              source.name);
      note("{}: {} documents, {} tokens", source.name, with_thousands(divided.training.size()),
           with_thousands(divided.training.num_tokens()));
      hold_out(divided.held_out);
      data_.sources.push_back({source.name,
                               std::make_shared<TokenDocuments>(std::move(divided.training)),
                               source.weight});
    }
    if (recipe_.held_out) {
      require(held_out_.size() + held_out_pairs_.size() > 0,
              "held_out: no document was held out; raise the share");
      data_.held_out = kept("documents", held_out_);
      data_.held_out_pairs = kept("pairs", held_out_pairs_);
    }
    return std::move(data_);
  }

 private:
  void hold_out(const TokenDocuments& documents) {
    append(documents.holds_pairs() ? held_out_pairs_ : held_out_, documents);
  }
  /// Null where there are none.
  std::shared_ptr<const TokenDocuments> kept(const char* words, TokenDocuments& documents) {
    if (documents.size() == 0) return nullptr;
    note("held out: {} {}, {} tokens", with_thousands(documents.size()), words,
         with_thousands(documents.num_tokens()));
    return std::make_shared<TokenDocuments>(std::move(documents));
  }

  template <class... Args>
  void note(fmt::format_string<Args...> text, Args&&... args) {
    data_.notes.push_back(fmt::format(text, std::forward<Args>(args)...));
  }
  [[nodiscard]] TokenDocuments empty() const { return TokenDocuments(tokenizer_.info().sha256); }
  [[nodiscard]] uint64_t seed_of(const std::string& source) const {
    return CounterRandom(recipe_.seed, hash_of(source)).next();
  }
  [[nodiscard]] double held_out_share() const {
    return recipe_.held_out ? recipe_.held_out->share : 0;
  }
  [[nodiscard]] TokenDocuments tokenized(const std::vector<datasets::TrainingDocument>& documents,
                                         const models::TokenizeOptions& options) const {
    return models::tokenized(documents, tokenizer_, options);
  }

  std::vector<datasets::TrainingDocument> texts_of(const std::string& name,
                                                   const models::TextData& data) {
    auto text = datasets::read_training_text(data.text, {options_.skip_bad_lines});
    note("{}: {}", name, text.report.summary());
    for (const auto& example : text.report.examples) note("{}: left out {}", name, example);
    return std::move(text.documents);
  }

  Divided divided_texts(const std::string& name, const models::TextData& data) {
    auto texts = texts_of(name, data);
    datasets::DividedText divided;
    if (held_out_share() > 0) {
      divided = datasets::hold_out(std::move(texts), held_out_share(), recipe_.seed);
    } else if (!held_out_texts_.empty()) {
      divided = datasets::hold_out(std::move(texts), held_out_texts_);
      divided.held_out.clear();  // They are there already.
    } else {
      divided.training = std::move(texts);
    }
    if (divided.num_repeated > 0) {
      note("{}: {} documents are held out and left out of training", name,
           with_thousands(divided.num_repeated));
    }
    return {tokenized(divided.training, data.tokens), tokenized(divided.held_out, data.tokens)};
  }

  Divided divided_samples(std::vector<datasets::TrainingDocument> samples,
                          const models::TokenizeOptions& options) const {
    if (held_out_share() == 0) return {tokenized(samples, options), empty()};
    const auto divided = datasets::hold_out(std::move(samples), held_out_share(), recipe_.seed);
    return {tokenized(divided.training, options), tokenized(divided.held_out, options)};
  }

  /// Whether a document is held out depends on the seed and its ids: equal ones are on one side.
  Divided divided_writing(const std::string& name, const models::TeacherData& data) {
    const auto documents = written(name, data);
    Divided divided{empty(), empty()};
    for (int64_t i = 0; i < documents.size(); ++i) {
      const bool is_held_out =
          CounterRandom(recipe_.seed, hash_of(documents.at(i))).uniform() < held_out_share();
      (is_held_out ? divided.held_out : divided.training).add(documents.at(i));
    }
    return divided;
  }

  TokenDocuments written(const std::string& name, const models::TeacherData& data) {
    require(options_.teacher, "data '{}': nobody is there to write it: the training has no teacher",
            name);
    const auto wanted = writing_of(name, data);
    return teacher_writing({.teacher = *options_.teacher,
                            .tokenizer_sha256 = tokenizer_.info().sha256,
                            .wanted = wanted,
                            .file = kept_file(name, data, wanted),
                            .on_document = [&](int64_t done) {
                              if (options_.on_written) {
                                options_.on_written(name, done, wanted.num_documents);
                              }
                            }});
  }

  [[nodiscard]] models::TeacherTextOptions writing_of(const std::string& name,
                                                      const models::TeacherData& data) const {
    const auto& config = options_.teacher->config();
    models::TeacherTextOptions wanted{.num_documents = data.num_documents,
                                      .max_tokens = data.max_tokens,
                                      .sampling = data.sampling,
                                      .seed = seed_of(name),
                                      .prompt = tokenizer_.encode(data.prompt, true),
                                      .end_tokens = config.eos};
    const auto bos = tokenizer_.info().bos ? tokenizer_.info().bos : config.bos;
    if (wanted.prompt.empty() && bos) wanted.prompt.push_back(*bos);
    // Models that were trained on documents behind one another end one by beginning the next.
    if (bos) wanted.end_tokens.push_back(*bos);
    return wanted;
  }

  /// Named by everything that it depends on: another teacher or other options are another file.
  [[nodiscard]] std::filesystem::path kept_file(const std::string& name,
                                                const models::TeacherData& data,
                                                const models::TeacherTextOptions& wanted) const {
    const auto key = OrderedJson{{"teacher", options_.teacher_sha256},
                                 {"tokenizer", tokenizer_.info().sha256},
                                 {"documents", data.num_documents},
                                 {"max_tokens", data.max_tokens},
                                 {"temperature", data.sampling.temperature},
                                 {"top_k", data.sampling.top_k},
                                 {"top_p", data.sampling.top_p},
                                 {"prompt", wanted.prompt},
                                 {"end_tokens", wanted.end_tokens},
                                 {"type", models::type_name(recipe_.type)},
                                 {"config", models::write_own_config(options_.teacher->config())},
                                 {"seed", wanted.seed}};
    constexpr size_t digits = 12;
    return options_.folder / "teacher-text" /
           fmt::format("{}-{}.safetensors", name, sha256_hex(key.dump()).substr(0, digits));
  }

  const models::Recipe& recipe_;
  const models::Tokenizer& tokenizer_;
  const TrainingDataOptions& options_;
  std::vector<datasets::TrainingDocument> held_out_texts_;
  TokenDocuments held_out_{tokenizer_.info().sha256}, held_out_pairs_{tokenizer_.info().sha256};
  TrainingData data_;
};

}  // namespace

TrainingData read_training_data(const models::Recipe& recipe, const models::Tokenizer& tokenizer,
                                const TrainingDataOptions& options) {
  return DataReader(recipe, tokenizer, options).read();
}

}  // namespace hylo::harness
