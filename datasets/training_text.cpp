#include "datasets/training_text.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "datasets/field_type.h"
#include "datasets/formats.h"
#include "datasets/source_folder.h"
#include "harness/base/files.h"
#include "harness/base/hash.h"
#include "harness/base/json.h"
#include "harness/base/overloaded.h"
#include "harness/base/unicode.h"
#include "harness/base/units.h"

namespace hylo::datasets {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

/// What has been read of a source so far.
class Collector {
 public:
  ReadReport& report() { return text_.report; }

  /// The contents of a file, without a byte order mark.
  std::string read(const std::filesystem::path& file) {
    auto bytes = read_text_file(file);
    hash_.update(fmt::format("{}\n", bytes.size())).update(bytes);
    ++report().num_files;
    if (bytes.starts_with(byte_order_mark)) bytes.erase(0, byte_order_mark.size());
    return bytes;
  }

  /// The same of a file that somebody named and that therefore holds something.
  std::string read_named(const std::filesystem::path& file) {
    auto bytes = read(file);
    require(!python_strip(bytes).empty(), "{}: expected texts to train on, found {}", file.string(),
            bytes.empty() ? "an empty file" : "nothing but white space");
    return bytes;
  }

  void add(TrainingDocument document) {
    auto& [spans, origin, rejected] = document;
    for (auto* list : {&spans, &rejected}) {
      std::erase_if(*list, [](const TextSpan& span) { return span.text.empty(); });
      for (const auto& span : *list) report().text_bytes += static_cast<int64_t>(span.text.size());
    }
    if (spans.empty()) return report().leave_out(LeftOut::Empty, origin + ": no text");
    text_.documents.push_back(std::move(document));
  }

  TrainingText finish() {
    require(!text_.documents.empty(), "expected documents to train on, found none: {}{}",
            report().summary(),
            report().examples.empty() ? "" : "; the first: " + report().examples.front());
    report().num_documents = static_cast<int64_t>(text_.documents.size());
    text_.sha256 = hash_.hex();
    return std::move(text_);
  }

 private:
  TrainingText text_;
  Sha256 hash_;
};

/// `document_of` throws Error for an object that is no document; `where` opens its text.
template <class DocumentOf>
void read_object(std::string_view line, const std::string& where, Collector& to,
                 const DocumentOf& document_of) {
  require(!python_strip(line).empty(), "{}: expected a JSON object, found an empty line", where);
  const Json object = parse_json(line, where);
  require(object.is_object(), "{}: expected a JSON object, found {}", where, words_for(object));
  to.add(document_of(object, where));
}

template <class DocumentOf>
void read_json_lines(const std::vector<std::filesystem::path>& files,
                     const ReadTextOptions& options, Collector& to, const DocumentOf& document_of) {
  for (const auto& file : files) {
    const auto bytes = to.read_named(file);
    int64_t number = 0;
    for (const auto line : lines_of(bytes)) {
      ++number;
      try {
        check_utf8(line, file.string(), number);
        read_object(line, fmt::format("{}:{}", file.string(), number), to, document_of);
      } catch (const Error& error) {
        if (!options.skip_bad_lines) throw;
        to.report().leave_out(LeftOut::BadLine, error.what());
      }
    }
  }
}

const Json& field_of(const Json& object, const std::string& field, const std::string& where) {
  const auto found = object.find(field);
  if (found != object.end()) return *found;
  std::vector<std::string> names;
  for (const auto& [name, _] : object.items()) names.push_back(name);
  fail("{}: expected the field '{}', found {}", where, field,
       names.empty() ? "an empty object" : fmt::format("'{}'", fmt::join(names, "', '")));
}

std::string text_of(const Json& object, const std::string& field, const std::string& where) {
  const Json& value = field_of(object, field, where);
  require(value.is_string(), "{}: field '{}': expected a text, found {}", where, field,
          words_for(value));
  return value.get<std::string>();
}

void read(const JsonLinesText& source, const ReadTextOptions& options, Collector& to) {
  read_json_lines(source.files, options, to,
                  [&](const Json& object, const std::string& where) -> TrainingDocument {
                    return {{{.text = text_of(object, source.field, where)}}, where};
                  });
}

std::vector<ChatTurn> turns_of(const Json& object, const std::string& field,
                               const std::string& where) {
  const Json& messages = field_of(object, field, where);
  require(messages.is_array() && !messages.empty(),
          "{}: field '{}': expected a list of messages, found {}", where, field,
          messages.is_array() ? "an empty list" : words_for(messages));
  std::vector<ChatTurn> turns;
  for (const Json& message : messages) {
    const auto here = fmt::format("{}: {}[{}]", where, field, turns.size());
    require(message.is_object(), "{}: expected an object, found {}", here, words_for(message));
    turns.push_back({text_of(message, "role", here), text_of(message, "content", here)});
  }
  return turns;
}

void read(const ChatLines& source, const ReadTextOptions& options, Collector& to) {
  read_json_lines(source.files, options, to, [&](const Json& object, const std::string& where) {
    auto spans = source.render(turns_of(object, "messages", where));
    const bool teaches = std::ranges::any_of(
        spans, [](const TextSpan& span) { return span.is_trained && !span.text.empty(); });
    require(teaches,
            "{}: expected something that the assistant wrote, found nothing of it to train on",
            where);
    return TrainingDocument{std::move(spans), where};
  });
}

bool is_of_assistant(const ChatTurn& turn) { return turn.role == "assistant"; }

/// The conversation that a completion ends: with the prompt before it where it lacks that.
std::vector<ChatTurn> conversation(const Json& object, const PreferenceLines& source,
                                   const std::string& field, const std::string& where) {
  auto turns = turns_of(object, field, where);
  require(is_of_assistant(turns.back()),
          "{}: field '{}': expected that the last message is the assistant's, found one of '{}'",
          where, field, turns.back().role);
  if (!is_of_assistant(turns.front())) return turns;
  const Json& prompt = field_of(object, source.prompt, where);
  auto all = prompt.is_string() ? std::vector<ChatTurn>{{"user", prompt.get<std::string>()}}
                                : turns_of(object, source.prompt, where);
  all.insert(all.end(), turns.begin(), turns.end());
  return all;
}

/// Earlier answers of the assistant are part of what both completions have in common.
std::vector<TextSpan> with_last_answer_trained(std::vector<TextSpan> spans) {
  const auto last =
      std::ranges::find_if(spans.rbegin(), spans.rend(), &TextSpan::is_trained).base();
  for (auto span = spans.begin(); span + 1 < last; ++span) span->is_trained = false;
  return spans;
}

std::vector<TextSpan> completion_of(const Json& object, const PreferenceLines& source,
                                    const std::string& field, const std::string& where) {
  std::vector<TextSpan> spans;
  if (field_of(object, field, where).is_string()) {
    spans = {{.text = text_of(object, source.prompt, where), .is_trained = false},
             {.text = text_of(object, field, where)}};
  } else {
    spans = with_last_answer_trained(source.render(conversation(object, source, field, where)));
  }
  const bool teaches = std::ranges::any_of(
      spans, [](const TextSpan& span) { return span.is_trained && !span.text.empty(); });
  require(teaches, "{}: field '{}': expected a completion, found an empty one", where, field);
  return spans;
}

std::string prompt_in(const std::vector<TextSpan>& spans) {
  std::string text;
  for (const auto& span : spans) {
    if (!span.is_trained) text += span.text;
  }
  return text;
}

void read(const PreferenceLines& source, const ReadTextOptions& options, Collector& to) {
  read_json_lines(source.files, options, to, [&](const Json& object, const std::string& where) {
    TrainingDocument pair{completion_of(object, source, source.chosen, where), where,
                          completion_of(object, source, source.rejected, where)};
    require(prompt_in(pair.spans) == prompt_in(pair.rejected),
            "{}: expected completions of one prompt, found that '{}' and '{}' have different ones",
            where, source.chosen, source.rejected);
    return pair;
  });
}

std::string_view without_line_feeds(std::string_view text) {
  const size_t begin = text.find_first_not_of("\r\n");
  if (begin == std::string_view::npos) return "";
  return text.substr(begin, text.find_last_not_of("\r\n") + 1 - begin);
}

void add_divided(std::string_view bytes, const PlainText& source, const std::string& file,
                 Collector& to) {
  size_t begin = 0;
  size_t line_begin = 0;
  int64_t number = 1;
  int64_t first_line = 1;
  for (const auto line : lines_of(bytes)) {
    const auto line_end = std::min(bytes.size(), line_begin + line.size() + 1);
    if (python_strip(line) == source.separator) {
      const auto text = without_line_feeds(bytes.substr(begin, line_begin - begin));
      to.add({{{.text = std::string(text)}}, fmt::format("{}:{}", file, first_line)});
      begin = line_end;
      first_line = number + 1;
    }
    line_begin = line_end;
    ++number;
  }
  require(begin > 0, "{}: expected lines '{}' between documents, found none in {} lines", file,
          source.separator, number - 1);
  const auto rest = without_line_feeds(bytes.substr(begin));
  const auto where = fmt::format("{}:{}", file, first_line);
  if (rest.empty()) return;
  if (source.drop_unclosed) {
    return to.report().leave_out(LeftOut::Unclosed, where + ": no separator closes it");
  }
  to.add({{{.text = std::string(rest)}}, where});
}

void read(const PlainText& source, const ReadTextOptions&, Collector& to) {
  for (const auto& file : source.files) {
    const auto bytes = to.read_named(file);
    check_utf8(bytes, file.string());
    if (source.separator.empty()) {
      to.add({{{.text = bytes}}, file.string()});
    } else {
      add_divided(bytes, source, file.string(), to);
    }
  }
}

void add_file(const FolderText& source, const FoundText& found, Collector& to) {
  const auto name = found.file.string();
  const auto num_bytes = static_cast<int64_t>(std::filesystem::file_size(found.file));
  if (num_bytes > source.max_file_bytes) {
    return to.report().leave_out(LeftOut::TooLarge,
                                 fmt::format("{}: {} bytes", name, with_thousands(num_bytes)));
  }
  const auto bytes = to.read(found.file);
  if (bytes.find('\0') != std::string::npos) {
    return to.report().leave_out(LeftOut::NotText, name + ": it has a byte 0");
  }
  if (first_invalid_utf8(bytes)) {
    return to.report().leave_out(LeftOut::NotText, name + ": it is not UTF-8");
  }
  if (python_strip(bytes).empty()) return to.add({{}, name});
  to.add({{{.text = replace_all(source.header, "{path}", found.path) + bytes}}, name});
}

void read(const FolderText& source, const ReadTextOptions&, Collector& to) {
  for (const auto& found : files_of(source, to.report())) add_file(source, found, to);
}

struct Words {
  const char *one, *several;
};

Words words_of(LeftOut reason) {
  switch (reason) {
    case LeftOut::BadLine:
      return {"bad line", "bad lines"};
    case LeftOut::Empty:
      return {"document without text", "documents without text"};
    case LeftOut::Unclosed:
      return {"document that is cut off", "documents that are cut off"};
    case LeftOut::NotText:
      return {"file that is no text", "files that are no text"};
    case LeftOut::TooLarge:
      return {"file that is too large", "files that are too large"};
    case LeftOut::NotAFile:
      return {"link or device", "links or devices"};
    case LeftOut::Ignored:
      return {"path by a pattern", "paths by patterns"};
  }
  invariant(false, "reason {} has no words", static_cast<int>(reason));
  return {};
}

std::string counted(int64_t number, const Words& words) {
  return fmt::format("{} {}", with_thousands(number), number == 1 ? words.one : words.several);
}

}  // namespace

std::vector<TextSpan> plain_chat(std::span<const ChatTurn> turns) {
  std::vector<TextSpan> spans;
  for (const auto& turn : turns) {
    spans.push_back({.text = turn.role + ": ", .is_trained = false});
    spans.push_back({.text = turn.content + "\n", .is_trained = turn.role == "assistant"});
  }
  return spans;
}

void ReadReport::leave_out(LeftOut reason, const std::string& where_and_why) {
  ++left_out[reason];
  // What a pattern leaves out was asked for, and is often most of a folder.
  if (reason != LeftOut::Ignored && examples.size() < max_examples) {
    examples.push_back(where_and_why);
  }
}

int64_t ReadReport::num_left_out(LeftOut reason) const {
  const auto found = left_out.find(reason);
  return found == left_out.end() ? 0 : found->second;
}

std::string ReadReport::summary() const {
  auto text =
      fmt::format("{}, {}, {} of text", counted(num_files, {"file", "files"}),
                  counted(num_documents, {"document", "documents"}), human_bytes(text_bytes));
  const char* before = "; left out: ";
  for (const auto& [reason, number] : left_out) {
    text += before + counted(number, words_of(reason));
    before = ", ";
  }
  return text;
}

TrainingText read_training_text(const TextSource& source, const ReadTextOptions& options) {
  Collector collected;
  std::visit([&](const auto& kind) { read(kind, options, collected); }, source);
  return collected.finish();
}

}  // namespace hylo::datasets
