// hylo data verify, show and export: sample sets that are there.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/base/error.h"
#include "harness/base/units.h"
#include "harness/cli/data.h"
#include "harness/cli/lengths.h"
#include "harness/cli/numbers.h"
#include "harness/cli/output.h"
#include "harness/cli/verb.h"
#include "harness/runner/token_counter.h"
#include "models/tokenizer/tokenizer.h"
#include "tasks/ruler/compat.h"
#include "tasks/ruler/folders.h"
#include "tasks/ruler/sample_set.h"

namespace hylo::cli {
namespace {

namespace ruler = tasks::ruler;
namespace fs = std::filesystem;

std::vector<fs::path> files_of(const std::vector<std::string>& paths) {
  std::vector<fs::path> files;
  for (const fs::path path : paths) {
    if (ruler::kind_of(path) != fs::file_type::directory) {
      files.push_back(path);
      continue;
    }
    const auto inside = ruler::sample_set_files(path);
    require(!inside.empty(), "{}: holds no sample set; `hylo data build ruler --out {}` makes some",
            path.string(), path.string());
    files.insert(files.end(), inside.begin(), inside.end());
  }
  return files;
}

// ---- verify

void verify(const std::vector<std::string>& paths) {
  const auto files = files_of(paths);
  std::string first_fault;
  size_t num_faults = 0;
  for (const auto& file : files) {
    try {
      const auto header = ruler::verify_sample_set(file);
      print_out(fmt::format("sound     {}: {} samples, sha256 {}\n", file.string(),
                            header.description.num_samples, header.sha256));
    } catch (const Error& fault) {
      print_out(fmt::format("PROBLEM   {}\n", fault.what()));
      if (num_faults++ == 0) first_fault = fault.what();
    }
  }
  require(num_faults == 0, "{} of {} sets are not sound; {}", num_faults, files.size(),
          first_fault);
}

// ---- show

struct ShowOptions {
  std::string file;
  std::optional<int64_t> id;
  std::string tokenizer;
  bool tokens = false, json = false;
};

/// Reads the whole set: what is shown is what was built, or nothing is.
ruler::Sample sample_of(const fs::path& file, const ruler::SampleSetHeader& header, int64_t id) {
  require(id < header.description.num_samples, "{}: expected a sample from 0 to {}, found {}",
          file.string(), header.description.num_samples - 1, id);
  ruler::Sample found;
  int64_t index = 0;
  try {
    ruler::read_sample_set(file, [&](ruler::Sample sample) {
      if (index++ == id) found = std::move(sample);
    });
  } catch (const Error& fault) {
    fail("{}; nothing is shown of a set that is not sound (`hylo data verify {}` checks one)",
         fault.what(), file.string());
  }
  return found;
}

OrderedJson tokens_of(const ShowOptions& options, const ruler::SampleSetHeader& header,
                      const ruler::Sample& sample) {
  require(!options.tokenizer.empty(), "--tokens: expected --tokenizer, the one of the set ({})",
          header.description.tokenizer.name);
  const auto tokenizer = models::load_tokenizer(options.tokenizer);
  require(tokenizer->info().sha256 == header.description.tokenizer.sha256,
          "--tokenizer {}: the set was built for another one: expected sha256 {} ({}), found {}",
          options.tokenizer, header.description.tokenizer.sha256, header.description.tokenizer.name,
          tokenizer->info().sha256);
  return tokenizer->encode(sample.input + sample.answer_prefix, false);
}

void show_sample(const ShowOptions& options, const ruler::SampleSetHeader& header) {
  const auto sample = sample_of(options.file, header, *options.id);
  auto json = ruler::json_of(sample, *options.id);
  if (options.tokens) json["token_ids"] = tokens_of(options, header, sample);
  if (options.json) return print_json(json);
  std::string text =
      sample.input + "\n--- answer prefix\n" + sample.answer_prefix + "\n--- references\n";
  for (const auto& reference : sample.references) text += reference + "\n";
  text += fmt::format("--- {} tokens, {}\n", sample.num_tokens, sample.meta.dump());
  if (options.tokens) text += json["token_ids"].dump() + "\n";
  print_out(text);
}

void show_set(const ShowOptions& options, const ruler::SampleSetHeader& header) {
  auto json = ruler::json_of(header.description);
  json["total_tokens"] = header.total_tokens;
  json["least_tokens"] = header.least_tokens;
  json["sha256"] = header.sha256;
  if (options.json) return print_json(json);
  std::string text;
  for (const auto& [key, value] : json.items()) {
    text += fmt::format("{:<14} {}\n", key,
                        value.is_string() ? value.get<std::string>() : value.dump());
  }
  print_out(text);
}

void show(const ShowOptions& options) {
  require(options.id || !options.tokens, "--tokens: expected the number of a sample");
  const auto header = ruler::read_header(options.file);
  options.id ? show_sample(options, header) : show_set(options, header);
}

// ---- export

struct ExportOptions {
  std::string folder, task, length, mode, format = "ruler", tokenizer;
};

fs::path set_to_export(const ExportOptions& options, int64_t length) {
  const auto& spec = ruler::find_ruler_spec(options.task);
  std::vector<fs::path> found;
  for (const auto& file : files_of({options.folder})) {
    const auto& there = ruler::read_header(file).description;
    const bool is_mode = options.mode.empty() || ruler::name_of(there.mode) == options.mode;
    if (there.task == spec.name && there.length == length && is_mode) found.push_back(file);
  }
  require(!found.empty(), "{}: holds no set of {} at {} tokens; `hylo data build ruler` makes one",
          options.folder, spec.name, length);
  require(found.size() == 1, "{}: holds {} sets of {} at {} tokens, {} and {}; name one of them",
          options.folder, found.size(), spec.name, length, found.front().filename().string(),
          found.back().filename().string());
  return found[0];
}

/// The reference's records hold a number of tokens that has to be counted.
bool counts_tokens(const ruler::RulerSpec& spec) {
  return std::holds_alternative<ruler::NiahSpec>(spec.family);
}

void export_set(const ExportOptions& options) {
  const auto file = set_to_export(options, parse_length(options.length, "--length").tokens);
  const auto header = ruler::verify_sample_set(file);
  const auto& spec = ruler::find_ruler_spec(header.description.task);
  std::unique_ptr<models::Tokenizer> tokenizer;
  ruler::CountTokens count;
  if (counts_tokens(spec)) {
    require(!options.tokenizer.empty(),
            "export: the records of {} hold the answer's place in tokens; expected --tokenizer, "
            "the one of the set ({})",
            spec.name, header.description.tokenizer.name);
    tokenizer = models::load_tokenizer(options.tokenizer);
    require(tokenizer->info().sha256 == header.description.tokenizer.sha256,
            "--tokenizer {}: expected sha256 {}, that of the set, found {}", options.tokenizer,
            header.description.tokenizer.sha256, tokenizer->info().sha256);
    count = harness::counter_of(*tokenizer);
  }
  int64_t number = 0;
  ruler::read_sample_set(file, [&](const ruler::Sample& sample) {
    print_out(ruler::compat_record(spec, sample, number++, count) + "\n");
  });
}

}  // namespace

void add_data_verify(CLI::App& data) {
  auto& verb = add_verb(data, "verify",
                        "whether sample sets are as they were built; exit code 2 "
                        "where one is not",
                        {{"hylo data verify sets", "every set in a folder"},
                         {"hylo data verify sets/vt-4096-strict-0123456789ab.jsonl", "one set"}});
  const auto paths = std::make_shared<std::vector<std::string>>();
  verb.add_option("paths", *paths, "sets, or folders of sets")->required()->type_name("PATH");
  verb.callback([paths] { verify(*paths); });
}

void add_data_show(CLI::App& data) {
  auto& verb =
      add_verb(data, "show", "a sample set, or one of its samples",
               {{"hylo data show sets/vt-4096-strict-0123456789ab.jsonl", "what it was built from"},
                {"hylo data show sets/vt-4096-strict-0123456789ab.jsonl 3 --json", "sample 3"},
                {"hylo data show SET 3 --tokens --tokenizer ~/Qwen3-1.7B", "with its token ids"}});
  const auto options = std::make_shared<ShowOptions>();
  verb.add_option("set", options->file, "the file")->required()->type_name("FILE");
  verb.add_option("id", options->id, "number of a sample, from 0")->check(whole_number(0));
  verb.add_flag("--tokens", options->tokens, "token ids of the prompt");
  verb.add_option("--tokenizer", options->tokenizer, "of the set, for --tokens")
      ->type_name("DIR|FILE");
  verb.add_flag("--json", options->json, "one JSON document");
  verb.callback([options] { show(*options); });
}

void add_data_export(CLI::App& data) {
  auto& verb =
      add_verb(data, "export", "a sample set as another program's JSON lines, on stdout",
               {{"hylo data export sets --task vt --length 4K --format ruler > validation.jsonl",
                 "RULER's own records"}});
  const auto options = std::make_shared<ExportOptions>();
  verb.add_option("sets", options->folder, "a folder of sets, or a set")
      ->required()
      ->type_name("DIR");
  verb.add_option("--task", options->task, "of RULER")->required();
  verb.add_option("--length", options->length, "in tokens: 4K, 131072")->required();
  verb.add_option("--mode", options->mode, "where there are both")
      ->check(CLI::IsMember({"compat", "strict"}));
  verb.add_option("--format", options->format, "ruler")
      ->capture_default_str()
      ->check(CLI::IsMember({"ruler"}));
  verb.add_option("--tokenizer", options->tokenizer, "of the set, where records count tokens")
      ->type_name("DIR|FILE");
  verb.callback([options] { export_set(*options); });
}

}  // namespace hylo::cli
