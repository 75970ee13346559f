#include "tasks/ruler/qa_files.h"

#include <algorithm>
#include <unordered_map>

#include "harness/base/files.h"
#include "harness/base/unicode.h"

namespace hylo::tasks::ruler {
namespace {

/// A question whose documents are still places in the order of the file.
struct RawQuestion {
  Question question;
  std::vector<size_t> golden;
  size_t article_begin = 0, article_end = 0;  ///< the documents of its article
};

const Json& list_at(JsonReader& reader, std::string_view key) {
  const Json& list = reader.at(key);
  require(list.is_array(), "{}: expected a list, found {}", reader.path_of(key), list.type_name());
  return list;
}

std::string string_of(const Json& json, const std::string& path) {
  require(json.is_string(), "{}: expected a text, found {}", path, json.type_name());
  return json.get<std::string>();
}

/// The index of each document among those of `sorted`.
std::vector<size_t> indices_in(const std::vector<std::string>& sorted,
                               const std::vector<std::string>& documents) {
  std::unordered_map<std::string_view, size_t> index;
  for (size_t i = 0; i < sorted.size(); ++i) index.emplace(sorted[i], i);
  std::vector<size_t> indices;
  for (const auto& document : documents) indices.push_back(index.at(document));
  return indices;
}

QaSet with_documents(const std::vector<std::string>& documents, std::vector<RawQuestion> raw) {
  QaSet set{.documents = documents, .questions = {}};
  std::ranges::sort(set.documents);  // The order of bytes of UTF-8 is that of code points.
  const auto repeated = std::ranges::unique(set.documents);
  set.documents.erase(repeated.begin(), repeated.end());
  const auto indices = indices_in(set.documents, documents);
  for (auto& [question, golden, begin, end] : raw) {
    for (const size_t place : golden) question.golden.push_back(indices[place]);
    for (size_t place = begin; place < end; ++place) {
      const bool is_golden = std::ranges::count(question.golden, indices[place]) > 0;
      if (!is_golden) question.related.push_back(indices[place]);
    }
    set.questions.push_back(std::move(question));
  }
  return set;
}

struct Paragraph {
  std::string text;
  const Json* questions;
  std::string path;
};

std::vector<Paragraph> paragraphs_of(JsonReader& article) {
  std::vector<Paragraph> paragraphs;
  const Json& list = list_at(article, "paragraphs");
  for (size_t i = 0; i < list.size(); ++i) {
    JsonReader reader(list[i], fmt::format("{}[{}]", article.path_of("paragraphs"), i));
    paragraphs.push_back({.text = reader.get<std::string>("context"),
                          .questions = &list_at(reader, "qas"),
                          .path = reader.path_of("qas")});
  }
  return paragraphs;
}

std::vector<std::string> answers_of(JsonReader& question) {
  std::vector<std::string> answers;
  const Json& list = list_at(question, "answers");
  for (size_t i = 0; i < list.size(); ++i) {
    JsonReader answer(list[i], fmt::format("{}[{}]", question.path_of("answers"), i));
    answers.push_back(answer.get<std::string>("text"));
  }
  require(!answers.empty(), "{}: expected an answer, found none", question.path_of("answers"));
  return answers;
}

void add_article(JsonReader& article, size_t number, std::vector<std::string>& documents,
                 std::vector<RawQuestion>& raw) {
  const auto title = article.get_or<std::string>("title", "");
  const auto paragraphs = paragraphs_of(article);
  const size_t begin = documents.size();
  for (const auto& paragraph : paragraphs) documents.push_back(paragraph.text);
  for (size_t place = 0; place < paragraphs.size(); ++place) {
    const auto& [text, questions, path] = paragraphs[place];
    for (size_t i = 0; i < questions->size(); ++i) {
      JsonReader reader((*questions)[i], fmt::format("{}[{}]", path, i));
      if (reader.get_or("is_impossible", false)) continue;
      RawQuestion& added = raw.emplace_back();
      added.question.text = reader.get<std::string>("question");
      added.question.answers = answers_of(reader);
      added.question.article = title.empty() ? fmt::format("article {}", number) : title;
      added.golden.push_back(begin + place);
      added.article_begin = begin;
      added.article_end = documents.size();
    }
  }
}

std::string document_of(const std::string& title, const Json& sentences, const std::string& path) {
  require(sentences.is_array(), "{}: expected a list of sentences, found {}", path,
          sentences.type_name());
  std::string document = title + "\n";
  for (const auto& sentence : sentences) document += string_of(sentence, path);
  return document;
}

/// The documents of a question, in either layout.
std::vector<std::string> context_of(const Json& context, const std::string& path) {
  std::vector<std::string> documents;
  if (context.is_object()) {
    JsonReader reader(context, path);
    const Json& titles = list_at(reader, "title");
    const Json& sentences = list_at(reader, "sentences");
    require(titles.size() == sentences.size(), "{}: {} titles, {} lists of sentences", path,
            titles.size(), sentences.size());
    for (size_t i = 0; i < titles.size(); ++i) {
      documents.push_back(document_of(string_of(titles[i], path), sentences[i], path));
    }
    return documents;
  }
  require(context.is_array(), "{}: expected a list of [title, sentences], found {}", path,
          context.type_name());
  for (const auto& pair : context) {
    require(pair.is_array() && pair.size() == 2, "{}: expected [title, sentences], found {}", path,
            pair.dump(-1, ' ', true).substr(0, 60));
    documents.push_back(document_of(string_of(pair[0], path), pair[1], path));
  }
  return documents;
}

/// Appends the question to `raw` and its documents to `documents`.
void add_hotpot_question(const Json& json, const std::string& path,
                         std::vector<std::string>& documents, std::vector<RawQuestion>& raw) {
  JsonReader reader(json, path);
  RawQuestion& added = raw.emplace_back();
  added.question.text = reader.get<std::string>("question");
  added.question.answers.push_back(reader.get<std::string>("answer"));
  const auto context = context_of(reader.at("context"), reader.path_of("context"));
  require(!context.empty(), "{}: expected documents, found none", reader.path_of("context"));
  for (const auto& document : context) {
    added.golden.push_back(documents.size());
    documents.push_back(document);
  }
}

/// Tells each question and its path, from one list or from one question a line.
template <class OnQuestion>
void for_each_question(const std::string& text, const std::string& file, OnQuestion on_question) {
  if (python_lstrip(text).starts_with('[')) {
    const Json list = parse_json(text, file);
    for (size_t i = 0; i < list.size(); ++i) on_question(list[i], fmt::format("{}[{}]", file, i));
    return;
  }
  const auto lines = lines_of(text);
  for (size_t i = 0; i < lines.size(); ++i) {
    if (python_strip(lines[i]).empty()) continue;
    const auto where = fmt::format("{}:{}", file, i + 1);
    on_question(parse_json(lines[i], where), where);
  }
}

}  // namespace

std::string read_source_text(const std::filesystem::path& file) {
  auto text = read_text_file(file);
  require(!python_strip(text).empty(), "{}: is empty, expected a text", file.string());
  const auto invalid = first_invalid_utf8(text);
  require(!invalid, "{}: byte {} is not UTF-8; convert the file to UTF-8", file.string(),
          invalid.value_or(0));
  return text;
}

QaSet read_squad(const std::filesystem::path& file) {
  const Json json = parse_json(read_source_text(file), file.string());
  JsonReader reader(json, file.string());
  std::vector<std::string> documents;
  std::vector<RawQuestion> raw;
  const Json& articles = list_at(reader, "data");
  for (size_t i = 0; i < articles.size(); ++i) {
    JsonReader article(articles[i], fmt::format("{}[{}]", reader.path_of("data"), i));
    add_article(article, i, documents, raw);
  }
  require(!raw.empty(), "{}: expected questions that have an answer, found none", file.string());
  return with_documents(documents, std::move(raw));
}

QaSet read_hotpotqa(const std::filesystem::path& file) {
  std::vector<std::string> documents;
  std::vector<RawQuestion> raw;
  for_each_question(read_source_text(file), file.string(),
                    [&](const Json& question, const std::string& path) {
                      add_hotpot_question(question, path, documents, raw);
                    });
  require(!raw.empty(), "{}: expected questions, found none", file.string());
  return with_documents(documents, std::move(raw));
}

}  // namespace hylo::tasks::ruler
