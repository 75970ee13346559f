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
  std::vector<size_t> supporting;
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
  for (auto& [question, golden, supporting, begin, end] : raw) {
    for (const size_t place : golden) question.golden.push_back(indices[place]);
    for (const size_t place : supporting) question.supporting.push_back(indices[place]);
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
      added.question.has_answer_document = true;
      added.golden.push_back(begin + place);
      added.supporting = added.golden;
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

/// A document of a question before it has a place.
struct TitledDocument {
  std::string title, text;
};

/// The documents of a question, in either layout.
std::vector<TitledDocument> context_of(const Json& context, const std::string& path) {
  std::vector<TitledDocument> documents;
  const auto add = [&](const Json& title, const Json& sentences) {
    auto name = string_of(title, path);
    auto text = document_of(name, sentences, path);
    documents.push_back({std::move(name), std::move(text)});
  };
  if (context.is_object()) {
    JsonReader reader(context, path);
    const Json& titles = list_at(reader, "title");
    const Json& sentences = list_at(reader, "sentences");
    require(titles.size() == sentences.size(), "{}: {} titles, {} lists of sentences", path,
            titles.size(), sentences.size());
    for (size_t i = 0; i < titles.size(); ++i) add(titles[i], sentences[i]);
    return documents;
  }
  require(context.is_array(), "{}: expected a list of [title, sentences], found {}", path,
          context.type_name());
  for (const auto& pair : context) {
    require(pair.is_array() && pair.size() == 2, "{}: expected [title, sentences], found {}", path,
            pair.dump(-1, ' ', true).substr(0, 60));
    add(pair[0], pair[1]);
  }
  return documents;
}

/// The titles that the supporting facts name, in either layout, each once.
std::vector<std::string> supporting_titles(JsonReader& question) {
  constexpr std::string_view key = "supporting_facts";
  question.ignore(key);
  if (!question.has(key)) return {};
  const auto path = question.path_of(key);
  const Json& facts = question.at(key);
  std::vector<std::string> titles;
  const auto add = [&](const Json& title) {
    auto text = string_of(title, path);
    if (!std::ranges::count(titles, text)) titles.push_back(std::move(text));
  };
  if (facts.is_object()) {
    JsonReader reader(facts, path);
    for (const auto& title : list_at(reader, "title")) add(title);
    return titles;
  }
  require(facts.is_array(), "{}: expected a list of [title, sentence], found {}", path,
          facts.type_name());
  for (const auto& fact : facts) {
    require(fact.is_array() && fact.size() == 2, "{}: expected [title, sentence], found {}", path,
            fact.dump(-1, ' ', true).substr(0, 60));
    add(fact[0]);
  }
  return titles;
}

bool ends_in_word(std::string_view text) {
  if (text.empty()) return false;
  size_t last = text.size() - 1;
  const auto continues = [&](size_t at) { return (text[at] & 0xC0) == 0x80; };
  while (last > 0 && continues(last)) --last;
  return is_python_word(code_point_at(text, last).value);
}

/// Whether the words stand in the text, in any case and not as a part of other words.
bool holds_words(std::string_view text, std::string_view words) {
  const auto inside = python_lower(text);
  const auto wanted = python_lower(python_strip(words));
  if (wanted.empty()) return false;
  for (size_t at = inside.find(wanted); at != std::string::npos; at = inside.find(wanted, at + 1)) {
    const size_t end = at + wanted.size();
    const bool goes_on = end < inside.size() && is_python_word(code_point_at(inside, end).value);
    if (!goes_on && !ends_in_word(std::string_view(inside).substr(0, at))) return true;
  }
  return false;
}

bool is_yes_or_no(std::string_view answer) {
  const auto word = python_lower(python_strip(answer));
  return word == "yes" || word == "no";
}

/// Places in `context` of what the supporting facts name, the one that holds the answer first.
void find_supporting(RawQuestion& added, const std::vector<std::string>& titles,
                     const std::vector<TitledDocument>& context) {
  std::vector<size_t> places;
  for (const auto& title : titles) {
    const auto found = std::ranges::find(context, title, &TitledDocument::title);
    if (found != context.end()) places.push_back(static_cast<size_t>(found - context.begin()));
  }
  const auto& answer = added.question.answers.front();
  const auto holder = std::ranges::find_if(places, [&](size_t place) {
    return !is_yes_or_no(answer) && holds_words(context[place].text, answer);
  });
  if (holder != places.end()) {
    added.question.has_answer_document = true;
    std::rotate(places.begin(), holder, std::next(holder));
  }
  for (const size_t place : places) added.supporting.push_back(added.golden[place]);
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
    documents.push_back(document.text);
  }
  find_supporting(added, supporting_titles(reader), context);
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
  require(!std::filesystem::is_directory(file), "{}: is a folder, expected a file", file.string());
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
