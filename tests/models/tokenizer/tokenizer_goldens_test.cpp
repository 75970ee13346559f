// Whatever vectors, tokenizers and recorded ids lie in the data folders.
#include <gtest/gtest.h>
#include <sentencepiece_processor.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "harness/base/files.h"
#include "harness/base/json.h"
#include "harness/base/random.h"
#include "harness/base/unicode.h"
#include "models/tokenizer/detokenizer.h"
#include "models/tokenizer/normalizer.h"
#include "models/tokenizer/pattern_scanner.h"
#include "models/tokenizer/pre_tokenizer.h"
#include "models/tokenizer/tokenizer.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<int32_t>;

std::vector<fs::path> sorted_entries(const fs::path& folder) {
  std::vector<fs::path> entries;
  for (const auto& entry : fs::directory_iterator(folder)) entries.push_back(entry.path());
  std::sort(entries.begin(), entries.end());
  return entries;
}

bool holds_tokenizer(const fs::path& folder) {
  return fs::exists(folder / "tokenizer.json") || fs::exists(folder / "tokenizer.model") ||
         fs::exists(folder / "vocab.json");
}

/// What load_tokenizer opens for a folder; a SentencePiece model may have a name of its own.
fs::path tokenizer_in(const fs::path& folder) {
  if (holds_tokenizer(folder)) return folder;
  for (const auto& file : sorted_entries(folder)) {
    if (file.extension() == ".model") return file;
  }
  return {};
}

/// Every tokenizer of the data: the folder of tokenizers and those of checkpoints.
std::vector<fs::path> all_tokenizers() {
  std::vector<fs::path> all;
  if (const auto tokenizers = tests::data("tokenizers")) {
    for (const auto& folder : sorted_entries(*tokenizers)) {
      if (fs::is_directory(folder) && !tokenizer_in(folder).empty())
        all.push_back(tokenizer_in(folder));
    }
  }
  if (const auto stories = tests::data("llama-stories260k/hf")) {
    all.push_back(*stories);
    all.push_back(*stories / "tokenizer.model");
  }
  return all;
}

std::string letters_and_digits(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c))) out += c;
  }
  return out;
}

/// Vectors are called MAKER-TOKENIZER.out; versions may be spelt out on one side only (qwen,
/// qwen2).
fs::path tokenizer_of_vector(const fs::path& vector) {
  const std::string stem = vector.stem().string();
  std::string wanted = letters_and_digits(stem.substr(stem.find('-') + 1));
  if (wanted == "mpt") wanted = "gptneox";  // MPT took over the tokenizer of GPT-NeoX-20B
  for (const auto& folder : sorted_entries(vector.parent_path().parent_path())) {
    const std::string name = letters_and_digits(folder.filename().string());
    const bool is_same = wanted.starts_with(name) || name.starts_with(wanted);
    if (fs::is_directory(folder) && is_same) return tokenizer_in(folder);
  }
  return {};
}

std::vector<std::string> vector_inputs(const fs::path& folder) {
  const std::string text = read_text_file(folder / "inputs.txt");
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::vector<std::string> inputs;
  for (size_t begin = 0, end = 0; begin < text.size(); begin = end + separator.size()) {
    end = text.find(separator, begin);
    if (end == std::string::npos) break;
    inputs.push_back(text.substr(begin, end - begin));
  }
  return inputs;
}

Ids numbers_of(std::string_view line) {
  Ids ids;
  for (const auto word : split(line, ' ')) {
    int32_t id = 0;
    if (std::from_chars(word.data(), word.data() + word.size(), id).ec == std::errc())
      ids.push_back(id);
  }
  return ids;
}

TEST(TokenizerVectorsGoldens, EveryVectorWithATokenizerHasItsIds) {
  const auto folder = tests::data("tokenizers/vectors");
  if (!folder) GTEST_SKIP() << tests::skip_reason("HYLO_DATA", "tokenizers/vectors");
  const auto inputs = vector_inputs(*folder);
  int num_checked = 0;
  for (const auto& file : sorted_entries(*folder)) {
    if (file.extension() != ".out" || tokenizer_of_vector(file).empty()) continue;
    const auto tokenizer = load_tokenizer(tokenizer_of_vector(file));
    const std::string text = read_text_file(file);
    const auto lines = lines_of(text);
    ASSERT_EQ(lines.size(), inputs.size()) << file;
    for (size_t i = 0; i < lines.size(); ++i) {
      EXPECT_EQ(tokenizer->encode(inputs[i], false), numbers_of(lines[i]))
          << file << ": " << inputs[i];
    }
    ++num_checked;
  }
  EXPECT_GT(num_checked, 0);
}

/// Parts of about 50 KB that end with lines: the sentencepiece library is slow on long texts.
std::vector<std::string> public_domain_texts(const fs::path& folder) {
  constexpr size_t part_bytes = 50'000;
  std::vector<std::string> parts;
  for (const auto& file : sorted_entries(folder)) {
    if (file.extension() != ".txt") continue;
    std::string part;
    const std::string text = read_text_file(file);
    for (const auto line : lines_of(text)) {
      part.append(line) += '\n';
      if (part.size() >= part_bytes) parts.push_back(std::exchange(part, {}));
    }
    parts.push_back(part);
  }
  return parts;
}

/// SentencePiece models may fold white space and lose characters by design.
bool gives_texts_back(const Tokenizer& tokenizer) {
  const std::string text = "a  b\n c \u00A4\u4F60";
  return tokenizer.decode(tokenizer.encode(text, false), true) == text;
}

TEST(TokenizerTextsGoldens, EveryTokenizerGivesTextsBack) {
  const auto folder = tests::data("text-public-domain");
  if (!folder) GTEST_SKIP() << tests::skip_reason("HYLO_DATA", "text-public-domain");
  const auto texts = public_domain_texts(*folder);
  for (const auto& path : all_tokenizers()) {
    const auto tokenizer = load_tokenizer(path);
    if (!gives_texts_back(*tokenizer)) continue;
    for (const auto& text : texts) {
      const auto back = tokenizer->decode(tokenizer->encode(text, true), true);
      ASSERT_TRUE(back == text || back == to_unicode_form(text, UnicodeForm::Nfc)) << path;
    }
  }
}

TEST(TokenizerTextsGoldens, SentencePieceDecodesAnyIdsAsItsLibrary) {
  if (all_tokenizers().empty()) GTEST_SKIP() << tests::skip_reason("HYLO_DATA", "tokenizers");
  PythonRandom random(2);
  for (const auto& path : all_tokenizers()) {
    if (path.extension() != ".model") continue;
    const auto tokenizer = load_tokenizer(path);
    sentencepiece::SentencePieceProcessor library;
    library.LoadOrDie(path.string());
    for (int i = 0; i < 3000; ++i) {
      Ids ids;
      const auto num_ids = static_cast<uint64_t>(library.GetPieceSize());
      // Often one of the first few: control pieces and bytes.
      for (uint64_t n = random.randbelow(10); n > 0; --n) {
        ids.push_back(static_cast<int32_t>(random.randbelow(random.randbelow(2) ? num_ids : 260)));
      }
      ASSERT_EQ(tokenizer->decode(ids, true), library.DecodeIds(ids))
          << path << " " << testing::PrintToString(ids);
    }
  }
}

TEST(TokenizerTextsGoldens, ScannersCutWherePcre2Cuts) {
  const auto folder = tests::data("text-public-domain");
  if (!folder) GTEST_SKIP() << tests::skip_reason("HYLO_DATA", "text-public-domain");
  auto texts = public_domain_texts(*folder);
  if (const auto vectors = tests::data("tokenizers/vectors")) {
    for (const auto& input : vector_inputs(*vectors)) texts.push_back(input);
  }
  for (const auto pattern : {KnownPattern::Gpt2, KnownPattern::Llama3, KnownPattern::Qwen2}) {
    const Split split{.pattern = std::string(text_of(pattern))};
    const PreTokenizer scanner({split}), pcre2({split}, {.use_scanners = false});
    const auto ends = [](const PreTokenizer& cutter, const std::string& text) {
      std::vector<size_t> all;
      cutter.split(text, true, [&](std::string_view piece) {
        all.push_back(static_cast<size_t>(piece.data() - text.data()) + piece.size());
      });
      return all;
    };
    for (const auto& text : texts)
      ASSERT_EQ(ends(scanner, text), ends(pcre2, text)) << split.pattern;
  }
}

TEST(TokenizerStoriesGoldens, BothFormsHaveTheRecordedIds) {
  const auto folder = tests::data("llama-stories260k");
  const auto sample = tests::data("tinystories-sample/tinystories_sample.txt");
  if (!folder || !sample) GTEST_SKIP() << tests::skip_reason("HYLO_DATA", "llama-stories260k");
  const Json stories = read_json_file(*folder / "reference/nll.json").at("stories");
  const auto hugging_face = load_tokenizer(*folder / "hf");
  const auto sentencepiece = load_tokenizer(*folder / "hf/tokenizer.model");
  const std::string text = read_text_file(*sample), border = "<|endoftext|>";
  size_t begin = 0;
  for (const auto& recorded : stories) {
    const size_t end = std::min(text.find(border, begin), text.size());
    auto story = std::string_view(text).substr(begin, end - begin);
    while (story.starts_with('\n')) story.remove_prefix(1);
    while (story.ends_with('\n')) story.remove_suffix(1);
    begin = end + border.size();
    const auto expected = recorded.at("ids").get<Ids>();
    Ids ids = hugging_face->encode(story, true);
    Ids other = sentencepiece->encode(story, false);
    other.insert(other.begin(), sentencepiece->info().bos.value());
    EXPECT_EQ(ids, other) << story;
    ids.resize(std::min(ids.size(), expected.size()));
    EXPECT_EQ(ids, expected) << story;
  }
}

/// The tokenizer of each model whose results are recorded.
const std::map<std::string, fs::path>& tokenizer_of_model() {
  static const std::map<std::string, fs::path> paths{{"stories260k", "llama-stories260k/hf"},
                                                     {"qwen3-tiny-random", "tokenizers/qwen"}};
  return paths;
}

std::unique_ptr<Tokenizer> recorded_tokenizer(const std::string& model) {
  const auto path = tests::data(tokenizer_of_model().at(model));
  return path ? load_tokenizer(*path) : nullptr;
}

std::vector<Json> json_lines(const fs::path& file) {
  std::vector<Json> documents;
  const std::string text = read_text_file(file);
  for (const auto line : lines_of(text)) documents.push_back(parse_json(line, file.string()));
  return documents;
}

/// The ids of a context and of what follows it: trailing white space belongs to what follows.
struct Request {
  Ids context, continuation;
};
Request request_ids(const Tokenizer& tokenizer, const std::string& context,
                    const std::string& more) {
  Ids context_ids = tokenizer.encode(python_rstrip(context), true);
  Ids whole = tokenizer.encode(context + more, true);
  whole.erase(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(
                                                 std::min(context_ids.size(), whole.size())));
  return {context_ids, whole};
}

TEST(TokenizerEvaluationGoldens, BordersHaveTheRecordedIds) {
  const auto folder = tests::golden("lm-eval-results");
  if (!folder) GTEST_SKIP() << tests::skip_reason("HYLO_TEST_DATA", "lm-eval-results");
  for (const auto& [model, unused] : tokenizer_of_model()) {
    const auto file = *folder / ("borders_" + model + ".jsonl");
    const auto tokenizer = recorded_tokenizer(model);
    if (!fs::exists(file) || !tokenizer) continue;
    for (const auto& document : json_lines(file)) {
      const auto context = document.at("context").get<std::string>();
      const auto continuation = document.at("continuation").get<std::string>();
      if (document.contains("whole_ids") && !document["whole_ids"].is_null()) {
        EXPECT_EQ(tokenizer->encode(context + continuation, true), document["whole_ids"].get<Ids>())
            << document;
      }
      if (context.empty() || !document.contains("context_ids")) continue;
      const auto [context_ids, continuation_ids] = request_ids(*tokenizer, context, continuation);
      EXPECT_EQ(context_ids, document["context_ids"].get<Ids>()) << document;
      EXPECT_EQ(continuation_ids, document["continuation_ids"].get<Ids>()) << document;
    }
  }
}

void check_choices(const Tokenizer& tokenizer, const Json& document) {
  for (const auto& request : document.at("requests")) {
    const auto& context = document.at("contexts").at(request.at("context").get<size_t>());
    const auto [context_ids, continuation_ids] =
        request_ids(tokenizer, context.at("text").get<std::string>(),
                    request.at("continuation").get<std::string>());
    EXPECT_EQ(context_ids, context.at("ids").get<Ids>()) << context;
    EXPECT_EQ(continuation_ids, request.at("ids").get<Ids>()) << request;
  }
}

void check_generation(const Tokenizer& tokenizer, const Json& document) {
  EXPECT_EQ(tokenizer.encode(document.at("context").get<std::string>(), true),
            document.at("context_ids").get<Ids>());
  Detokenizer detokenizer(tokenizer);
  std::string text;
  for (const int32_t id : document.at("generated_ids").get<Ids>()) text += detokenizer.push(id);
  text += detokenizer.finish();
  EXPECT_TRUE(text.starts_with(document.at("response").get<std::string>()))
      << document.at("response");
}

void check_document(const Tokenizer& tokenizer, const Json& document) {
  if (document.contains("requests")) {
    check_choices(tokenizer, document);
  } else if (document.contains("generated_ids")) {
    check_generation(tokenizer, document);
  } else {
    EXPECT_EQ(tokenizer.encode(document.at("text").get<std::string>(), true),
              document.at("ids").get<Ids>());
  }
}

TEST(TokenizerEvaluationGoldens, DocumentsHaveTheRecordedIds) {
  const auto folder = tests::golden("lm-eval-results");
  if (!folder) GTEST_SKIP() << tests::skip_reason("HYLO_TEST_DATA", "lm-eval-results");
  const Json runs = read_json_file(*folder / "results.json");
  for (const auto& [model, unused] : tokenizer_of_model()) {
    const auto tokenizer = recorded_tokenizer(model);
    if (!tokenizer) continue;
    for (const auto& [run, settings] : runs.items()) {
      const auto file = *folder / "docs" / (run + ".jsonl");
      if (settings.at("model") != model || !fs::exists(file)) continue;
      for (const auto& document : json_lines(file)) check_document(*tokenizer, document);
    }
  }
}

}  // namespace
}  // namespace hylo::models
