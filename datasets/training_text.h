// Texts to train on: documents from JSON lines, plain texts, chats and folders, with a count of
// what was left out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace hylo::datasets {

/// A piece of a document. What is not trained is read, but nobody learns to write it.
struct TextSpan {
  std::string text;
  bool is_trained = true;
  bool operator==(const TextSpan&) const = default;
};

struct TrainingDocument {
  std::vector<TextSpan> spans;  ///< UTF-8; together not empty
  std::string origin;           ///< "FILE:LINE", or the file where that is the document
  /// Of a pair of preferences: the worse text, `spans` being the better one; empty for all others.
  std::vector<TextSpan> rejected = {};
};

/// One JSON object a line, its text in one field.
struct JsonLinesText {
  std::vector<std::filesystem::path> files;
  std::string field = "text";
};

struct PlainText {
  std::vector<std::filesystem::path> files;
  /// A line of its own between documents, e.g. "<|endoftext|>"; a document then loses the line
  /// feeds around it. A file without any is an Error. Empty: a file is a document, as it is.
  std::string separator;
  /// What follows the last separator was cut off by whoever made the file: leave it out, counted.
  bool drop_unclosed = false;
};

struct ChatTurn {
  std::string role, content;
};
/// A conversation as text; what the assistant wrote is trained.
using ChatRendering = std::function<std::vector<TextSpan>(std::span<const ChatTurn>)>;

/// "role: content" and a line feed for each turn; trained are the contents of turns of the
/// assistant with their line feed.
std::vector<TextSpan> plain_chat(std::span<const ChatTurn> turns);

/// One JSON object a line: {"messages": [{"role": "user", "content": "..."}, ...]}. A conversation
/// of which nothing is trained is a bad line.
struct ChatLines {
  std::vector<std::filesystem::path> files;
  ChatRendering render = plain_chat;
};

/// Source code or prose: every file below a folder is a document, in the order of their paths'
/// bytes. Links are not followed.
struct FolderText {
  std::filesystem::path folder;
  std::string header;               ///< put before each; {path} is the path in the folder
  std::vector<std::string> only;    ///< patterns as in .gitignore; empty: all files
  std::vector<std::string> ignore;  ///< further patterns; "!build/" takes a default back
  bool reads_gitignore = true;      ///< those of the folder and of the folders in it
  int64_t max_file_bytes = 1 << 20;
};

/// Pairs of a better and a worse completion of one prompt, one JSON object a line. All three fields
/// may be texts, which follow one another as they are; or completions are lists of messages that
/// end with what the assistant wrote, and the prompt is a list or a text of the user before them.
/// Completions that hold the conversation from its beginning need no prompt, and one is not read.
/// Trained is what the two do not share: the text, or the last message.
struct PreferenceLines {
  std::vector<std::filesystem::path> files;
  std::string prompt = "prompt", chosen = "chosen", rejected = "rejected";  ///< names of the fields
  ChatRendering render = plain_chat;
};

using TextSource = std::variant<JsonLinesText, PlainText, ChatLines, FolderText, PreferenceLines>;

enum class LeftOut { BadLine, Empty, Unclosed, NotText, TooLarge, NotAFile, Ignored };

/// What was read and what was not.
struct ReadReport {
  int64_t num_files = 0;  ///< that were read
  int64_t num_documents = 0;
  int64_t text_bytes = 0;
  std::map<LeftOut, int64_t> left_out;  ///< lines, documents, files or folders
  std::vector<std::string> examples;    ///< the first max_examples, "FILE:LINE: why"
  static constexpr size_t max_examples = 20;

  void leave_out(LeftOut reason, const std::string& where_and_why);
  [[nodiscard]] int64_t num_left_out(LeftOut reason) const;
  /// "3 files, 120 documents, 1.20 MiB of text; left out: 2 bad lines, 1 file that is no text".
  [[nodiscard]] std::string summary() const;
};

struct TrainingText {
  std::vector<TrainingDocument> documents;
  ReadReport report;
  std::string sha256;  ///< of the contents that were read, in order, each with its length
};

struct ReadTextOptions {
  bool skip_bad_lines = false;  ///< count lines that are no document and go on
};

/// Reads a source whole, files without their byte order marks. Documents without text are left out
/// and counted. Throws Error, naming file and line, for a file that is missing or empty, a line
/// that is not UTF-8, is broken or lacks its field, and for a source without a single document.
TrainingText read_training_text(const TextSource& source, const ReadTextOptions& options = {});

}  // namespace hylo::datasets
