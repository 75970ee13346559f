#include "tasks/ruler/sample_set.h"

#include <unistd.h>

#include <algorithm>

#include "harness/base/error.h"
#include "harness/base/overloaded.h"
#include "harness/base/unicode.h"
#include "tasks/ruler/folders.h"
#include "tasks/ruler/generated_sources.h"
#include "tasks/ruler/strict_draws.h"

namespace hylo::tasks::ruler {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view format_name = "hylo-ruler-samples-2";
constexpr std::string_view compat_revision = "compat-1";
constexpr std::string_view ending = ".jsonl";
/// Numbers and hashes are known when all samples are written; the header's line is padded with
/// blanks, so that it can be written in its place.
constexpr size_t room_for_numbers = 192;
constexpr std::string_view what_to_do = "build the set anew with `hylo data build ruler`";

/// Without the tokenizer's name: a folder may be renamed.
OrderedJson identity_of(const SampleSetDescription& description) {
  auto json = json_of(description);
  json["tokenizer"].erase("name");
  return json;
}

OrderedJson json_of(const OrderedJson& description, const SampleSetHeader& header) {
  OrderedJson json{{"format", format_name}};
  json.update(description);
  json["total_tokens"] = header.total_tokens;
  json["least_tokens"] = header.least_tokens;
  json["body_sha256"] = header.body_sha256;
  return json;
}

OrderedJson json_of(const SampleSetHeader& header) {
  auto json = json_of(json_of(header.description), header);
  json["sha256"] = header.sha256;
  return json;
}

std::string address_of(const SampleSetHeader& header) {
  return sha256_hex(json_of(identity_of(header.description), header).dump());
}

/// Of all that a sample's line says; keys are sorted, as they come back when it is read.
std::string sample_hash(const Sample& sample) {
  const Json all{{"input", sample.input},           {"answer_prefix", sample.answer_prefix},
                 {"references", sample.references}, {"num_tokens", sample.num_tokens},
                 {"cluster", sample.cluster},       {"meta", sample.meta}};
  return sha256_hex(all.dump());
}

/// The object of a line; `what` is what was expected there.
Json parse_line(const std::string& line, const std::string& where, std::string_view what) {
  Json json = Json::parse(line, nullptr, false);
  const auto text = python_strip(line);
  const bool is_cut = text.starts_with('{') && !text.ends_with('}');
  const auto found = text.empty()          ? std::string("an empty line")
                     : json.is_discarded() ? fmt::format("{} bytes that are {}", text.size(),
                                                         is_cut ? "cut off" : "no JSON")
                                           : std::string(json.type_name());
  require(json.is_object(), "{}: expected {}, a JSON object, found {}; {}", where, what, found,
          what_to_do);
  return json;
}

SampleSetDescription read_description(JsonReader& reader) {
  SampleSetDescription description;
  description.task = reader.get<std::string>("task");
  description.mode = mode_of(reader.get<std::string>("mode"));
  description.length = reader.get<int64_t>("length");
  description.seed = reader.get<uint64_t>("seed");
  description.num_samples = reader.get<int64_t>("num_samples");
  JsonReader tokenizer(reader.at("tokenizer"), reader.path_of("tokenizer"));
  description.tokenizer = {tokenizer.get<std::string>("name"),
                           tokenizer.get<std::string>("sha256")};
  tokenizer.done();
  reader.ignore("sources");
  description.generator = reader.get<std::string>("generator");
  return description;
}

SampleSetHeader parse_header(const std::string& line, const fs::path& file) {
  const auto where = file.string() + ":1: header";
  const Json json = parse_line(line, where, "the header of a set of samples");
  JsonReader reader(json, where);
  reader.ignore("format");
  const Json format = json.value("format", Json());
  require(format == format_name, "{}: expected a set of samples of the format {}, found {}; {}",
          where, format_name, format.dump(-1, ' ', true), what_to_do);
  SampleSetHeader header{.description = read_description(reader),
                         .total_tokens = reader.get<int64_t>("total_tokens"),
                         .least_tokens = reader.get<int64_t>("least_tokens"),
                         .body_sha256 = reader.get<std::string>("body_sha256"),
                         .sha256 = reader.get<std::string>("sha256")};
  reader.done();
  // In the order of the file, which the address depends on.
  header.description.sources = OrderedJson::parse(line).value("sources", OrderedJson::object());
  const auto expected = address_of(header);
  require(header.sha256 == expected, "{}: it was edited: expected sha256 {}, found {}; {}", where,
          header.sha256, expected, what_to_do);
  return header;
}

std::ifstream opened(const fs::path& file) {
  require(kind_of(file) == fs::file_type::regular, "{}: expected a set of samples, found no file",
          file.string());
  std::ifstream in(file, std::ios::binary);
  require(in.is_open(), "{}: cannot be read", file.string());
  return in;
}

Sample parse_sample(const std::string& line, const fs::path& file, int64_t index) {
  // The header is line 1.
  const auto where = fmt::format("{}:{}: sample {}", file.string(), index + 2, index);
  const Json json = parse_line(line, where, "a sample");
  JsonReader reader(json, where);
  require(reader.get<int64_t>("index") == index, "{}: has the index {}", where,
          reader.get<int64_t>("index"));
  Sample sample{.input = reader.get<std::string>("input"),
                .answer_prefix = reader.get<std::string>("answer_prefix"),
                .references = reader.get<std::vector<std::string>>("references"),
                .num_tokens = reader.get<int64_t>("num_tokens"),
                .cluster = reader.get<std::string>("cluster"),
                .meta = reader.at("meta")};
  const auto expected = reader.get<std::string>("sha256");
  reader.done();
  const auto found = sample_hash(sample);
  require(found == expected, "{}: it was edited: expected sha256 {}, found {}; {}", where, expected,
          found, what_to_do);
  return sample;
}

}  // namespace

std::string_view name_of(Mode mode) { return mode == Mode::Compat ? "compat" : "strict"; }

Mode mode_of(std::string_view name) {
  require(name == "compat" || name == "strict", "mode: expected compat or strict, found '{}'",
          name);
  return name == "compat" ? Mode::Compat : Mode::Strict;
}

std::string_view generator_of(Mode mode) {
  return mode == Mode::Compat ? compat_revision : strict_revision;
}

OrderedJson sources_of_task(const RulerSpec& spec, const Sources& sources, Mode mode) {
  OrderedJson used = OrderedJson::object();
  const auto use = [&](const char* part) {
    const auto& identity = sources.identity.at(part);
    // The strict mode generates further words where none are given.
    const bool is_generated = identity.is_null() && mode == Mode::Strict;
    used[part] = is_generated ? OrderedJson(generated_revision) : identity;
  };
  std::visit(overloaded{[&](const NiahSpec& niah) {
                          const auto words = NeedlePart::Words;
                          if (niah.key == words || niah.value == words) use("words");
                          if (niah.haystack == Haystack::Essay) use("essays");
                        },
                        [](const VtSpec&) {},
                        [&](const CweSpec&) {
                          use("words");
                          use("more_words");
                        },
                        [](const FweSpec&) {},
                        [&](const QaSpec& qa) {
                          use(qa.source == QaSource::Squad ? "squad" : "hotpotqa");
                        }},
             spec.family);
  return used;
}

OrderedJson json_of(const SampleSetDescription& description) {
  return {{"task", description.task},
          {"mode", name_of(description.mode)},
          {"length", description.length},
          {"seed", description.seed},
          {"num_samples", description.num_samples},
          {"tokenizer",
           {{"name", description.tokenizer.name}, {"sha256", description.tokenizer.sha256}}},
          {"sources", description.sources},
          {"generator", description.generator}};
}

OrderedJson json_of(const Sample& sample, int64_t index) {
  return {{"index", index},
          {"input", sample.input},
          {"answer_prefix", sample.answer_prefix},
          {"references", sample.references},
          {"num_tokens", sample.num_tokens},
          {"cluster", sample.cluster},
          {"meta", sample.meta},
          {"sha256", sample_hash(sample)}};
}

std::string file_name(const SampleSetHeader& header) {
  const auto& d = header.description;
  return fmt::format("{}-{}-{}-{}{}", d.task, d.length, name_of(d.mode),
                     header.sha256.substr(0, 12), ending);
}

SampleSetWriter::SampleSetWriter(const fs::path& folder, SampleSetDescription description)
    : folder_(folder) {
  header_.description = std::move(description);
  std::error_code failed;
  fs::create_directories(folder, failed);
  require(!failed, "{}: cannot be made: {}", folder.string(), failed.message());
  const auto& d = header_.description;
  draft_ = folder / fmt::format("{}-{}-{}.{}.part", d.task, d.length, name_of(d.mode), ::getpid());
  out_.open(draft_, std::ios::binary | std::ios::trunc);
  require(out_.is_open(), "{}: cannot be written", draft_.string());
  header_bytes_ = json_of(header_).dump().size() + room_for_numbers;
  const std::string blanks(header_bytes_, ' ');
  out_ << blanks << '\n';
}

SampleSetWriter::~SampleSetWriter() {
  if (draft_.empty()) return;
  out_.close();
  std::error_code not_there;
  fs::remove(draft_, not_there);
}

void SampleSetWriter::write(std::string_view text) {
  out_.write(text.data(), static_cast<std::streamsize>(text.size()));
  require(out_.good(), "{}: cannot be written; is the disk full?", draft_.string());
}

void SampleSetWriter::add(const Sample& sample) {
  const auto line = json_of(sample, num_added_).dump() + "\n";
  body_.update(line);
  write(line);
  header_.total_tokens += sample.num_tokens;
  header_.least_tokens =
      num_added_ == 0 ? sample.num_tokens : std::min(header_.least_tokens, sample.num_tokens);
  ++num_added_;
}

fs::path SampleSetWriter::finish() {
  const auto& description = header_.description;
  require(num_added_ == description.num_samples, "{}: expected {} samples, found {}",
          draft_.string(), description.num_samples, num_added_);
  header_.body_sha256 = body_.hex();
  header_.sha256 = address_of(header_);
  auto line = json_of(header_).dump();
  invariant(line.size() <= header_bytes_, "a header outgrew its room");
  line.resize(header_bytes_, ' ');
  out_.seekp(0);
  write(line);
  out_.close();
  require(!out_.fail(), "{}: cannot be written; is the disk full?", draft_.string());
  const auto file = folder_ / file_name(header_);
  std::error_code failed;
  if (fs::exists(file, failed)) {
    verify_sample_set(file);  // the same name is the same content, or the file was edited
    return file;
  }
  fs::rename(draft_, file, failed);
  require(!failed, "{}: cannot be written: {}", file.string(), failed.message());
  draft_.clear();
  return file;
}

SampleSetHeader read_header(const fs::path& file) {
  auto in = opened(file);
  std::string line;
  std::getline(in, line);
  return parse_header(line, file);
}

SampleReader::SampleReader(fs::path file, const OnSample& on_sample) : file_(std::move(file)) {
  auto in = opened(file_);
  std::string line;
  std::getline(in, line);
  header_ = parse_header(line, file_);
  const auto num_samples = header_.description.num_samples;
  auto begin = static_cast<std::streamoff>(line.size() + 1);
  Sha256 body;
  int64_t index = 0;
  while (std::getline(in, line)) {
    // The end of a file that was cut in the middle of a line looks like a line.
    require(!in.eof(), "{}:{}: is cut off in sample {} of {}; {}", file_.string(), index + 2, index,
            num_samples, what_to_do);
    body.update(line).update("\n");
    lines_.push_back({.begin = begin, .sha256 = sha256_hex(line)});
    begin += static_cast<std::streamoff>(line.size() + 1);
    on_sample(parse_sample(line, file_, index));
    ++index;
  }
  require(index == num_samples, "{}: expected {} samples, found {}; {}", file_.string(),
          num_samples, index, what_to_do);
  const auto found = body.hex();
  require(found == header_.body_sha256,
          "{}: it was edited: expected sha256 {} of its samples, found {}; {}", file_.string(),
          header_.body_sha256, found, what_to_do);
}

Sample SampleReader::read(int64_t index) const {
  const auto& expected = lines_.at(static_cast<size_t>(index));
  auto in = opened(file_);
  in.seekg(expected.begin);
  std::string line;
  std::getline(in, line);
  const auto found = sha256_hex(line);
  require(found == expected.sha256,
          "{}:{}: sample {} was changed since the set was opened: expected sha256 {} of its line, "
          "found {}; leave sets alone while they are in use",
          file_.string(), index + 2, index, expected.sha256, found);
  return parse_sample(line, file_, index);
}

SampleSetHeader read_sample_set(const fs::path& file, const OnSample& on_sample) {
  return SampleReader(file, on_sample).header();
}

SampleSetHeader verify_sample_set(const fs::path& file) {
  return read_sample_set(file, [](const Sample&) {});
}

std::vector<fs::path> sample_set_files(const fs::path& folder) {
  if (kind_of(folder) == fs::file_type::not_found) return {};
  return files_in(folder, [](const fs::path& path) {
    const auto name = path.filename().string();
    const bool names_a_mode =
        name.find("-compat-") != std::string::npos || name.find("-strict-") != std::string::npos;
    return name.ends_with(ending) && names_a_mode;
  });
}

std::optional<fs::path> find_sample_set(const fs::path& folder,
                                        const SampleSetDescription& description) {
  const auto begin =
      fmt::format("{}-{}-{}-", description.task, description.length, name_of(description.mode));
  for (const auto& file : sample_set_files(folder)) {
    if (!file.filename().string().starts_with(begin)) continue;
    if (identity_of(read_header(file).description) != identity_of(description)) continue;
    verify_sample_set(file);
    return file;
  }
  return std::nullopt;
}

}  // namespace hylo::tasks::ruler
