#include "tests/support/lm_eval_runs.h"

#include "harness/base/files.h"

namespace hylo::tests {
namespace {

namespace fs = std::filesystem;

bool has_tokenizer(const fs::path& folder) {
  return fs::exists(folder / "tokenizer.json") || fs::exists(folder / "tokenizer.model") ||
         fs::exists(folder / "vocab.json");
}

/// A checkpoint without a tokenizer uses the one that is named like the beginning of its family.
fs::path tokenizer_of(const fs::path& folder, const fs::path& data_root) {
  if (has_tokenizer(folder)) return folder;
  const auto family = read_json_file(folder / "config.json").at("model_type").get<std::string>();
  for (const auto& entry : fs::directory_iterator(data_root / "tokenizers")) {
    if (family.starts_with(entry.path().filename().string())) return entry.path();
  }
  return folder;
}

}  // namespace

std::vector<RecordedRun> recorded_runs(const fs::path& root) {
  std::vector<RecordedRun> runs;
  const auto results = read_json_file(root / "results.json");
  for (const auto& [name, description] : results.items()) {
    const auto file = root / "docs" / (name + ".jsonl");
    if (!fs::exists(file)) continue;
    RecordedRun run{name, description, {}};
    const auto text = read_text_file(file);
    for (const auto line : lines_of(text)) run.documents.push_back(Json::parse(line));
    runs.push_back(std::move(run));
  }
  return runs;
}

std::optional<RecordedModel> recorded_model(const fs::path& root, const fs::path& data_root,
                                            const std::string& name) {
  std::vector<fs::path> candidates{root / name, data_root / name, data_root / name / "hf"};
  for (const auto& entry : fs::directory_iterator(data_root)) {
    if (entry.path().filename().string().ends_with(name)) candidates.push_back(entry.path() / "hf");
  }
  for (const auto& folder : candidates) {
    if (fs::exists(folder / "config.json"))
      return RecordedModel{folder, tokenizer_of(folder, data_root)};
  }
  return std::nullopt;
}

}  // namespace hylo::tests
