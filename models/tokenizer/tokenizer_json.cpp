#include "models/tokenizer/tokenizer_json.h"

#include <simdjson.h>

#include <array>

#include "harness/base/error.h"
#include "harness/base/files.h"
#include "harness/base/json.h"
#include "models/tokenizer/vocabulary_json.h"

namespace hylo::models {
namespace {

namespace dom = simdjson::dom;

Json small_json(const dom::element& element, const std::string& where) {
  return parse_json(simdjson::minify(element), where);
}

std::pair<std::string, std::string> merge_of(const dom::element& element,
                                             const std::string& where) {
  std::string_view text;
  dom::array pair;
  if (!element.get(text)) {
    const size_t blank = text.find(' ');
    require(blank != std::string_view::npos, "{}: '{}' is not two tokens with a blank between",
            where, text);
    return {std::string(text.substr(0, blank)), std::string(text.substr(blank + 1))};
  }
  std::string_view left, right;
  const bool is_pair =
      !element.get(pair) && pair.size() == 2 && !pair.at(0).get(left) && !pair.at(1).get(right);
  require(is_pair, "{}: expected \"left right\" or [\"left\", \"right\"]", where);
  return {std::string(left), std::string(right)};
}

std::vector<std::pair<std::string, std::string>> merges_of(const dom::element& element,
                                                           const std::string& where) {
  dom::array entries;
  require(!element.get(entries), "{}: expected a list of merges", where);
  std::vector<std::pair<std::string, std::string>> merges;
  merges.reserve(entries.size());
  for (const auto& entry : entries) {
    merges.push_back(merge_of(entry, fmt::format("{}[{}]", where, merges.size())));
  }
  return merges;
}

/// A component with the path by which messages name it.
struct Component {
  Json json;
  std::string path;
  std::string type;
};

/// The components of a Sequence, nested ones too, in order; nothing for null.
std::vector<Component> components_of(const Json& json, const std::string& path,
                                     const char* list_key) {
  if (json.is_null()) return {};
  JsonReader reader(json, path);
  const auto type = reader.get<std::string>("type");
  if (type != "Sequence") return {{json, path, type}};
  std::vector<Component> all;
  const Json& list = reader.at(list_key);
  reader.done();
  require(list.is_array(), "{}: expected a list", reader.path_of(list_key));
  for (size_t i = 0; i < list.size(); ++i) {
    for (auto& one :
         components_of(list[i], fmt::format("{}[{}]", reader.path_of(list_key), i), list_key)) {
      all.push_back(std::move(one));
    }
  }
  return all;
}

[[noreturn]] void refuse(const Component& component, std::string_view known) {
  fail("{}: type '{}' is not supported; known are {}", component.path, component.type, known);
}

struct Pattern {
  std::string text;
  bool is_literal;
};

Pattern pattern_of(JsonReader& parent) {
  JsonReader reader(parent.at("pattern"), parent.path_of("pattern"));
  const bool is_literal = reader.has("String");
  Pattern pattern{reader.get<std::string>(is_literal ? "String" : "Regex"), is_literal};
  reader.done();
  require(!pattern.text.empty(), "{}: the pattern is empty", parent.path_of("pattern"));
  return pattern;
}

NormalizerStep normalizer_step(const Component& component) {
  JsonReader reader(component.json, component.path);
  reader.ignore("type");
  NormalizerStep step;
  if (component.type == "NFC") {
    step = UnicodeForm::Nfc;
  } else if (component.type == "NFD") {
    step = UnicodeForm::Nfd;
  } else if (component.type == "NFKC") {
    step = UnicodeForm::Nfkc;
  } else if (component.type == "NFKD") {
    step = UnicodeForm::Nfkd;
  } else if (component.type == "Prepend") {
    step = Prepend{reader.get<std::string>("prepend")};
  } else if (component.type == "Replace") {
    const auto [text, is_literal] = pattern_of(reader);
    step = Replace{text, is_literal, reader.get<std::string>("content")};
  } else {
    refuse(component, "NFC, NFD, NFKC, NFKD, Prepend, Replace and Sequence");
  }
  reader.done();
  return step;
}

SplitBehavior behavior_of(JsonReader& reader) {
  struct Named {
    std::string_view name;
    SplitBehavior behavior;
  };
  static constexpr std::array names{Named{"Isolated", SplitBehavior::Isolated},
                                    Named{"Removed", SplitBehavior::Removed},
                                    Named{"MergedWithPrevious", SplitBehavior::MergedWithPrevious},
                                    Named{"MergedWithNext", SplitBehavior::MergedWithNext},
                                    Named{"Contiguous", SplitBehavior::Contiguous}};
  const auto found = reader.get<std::string>("behavior");
  for (const auto& [name, behavior] : names) {
    if (name == found) return behavior;
  }
  fail("{}: '{}' is not supported", reader.path_of("behavior"), found);
}

Metaspace::Prepend prepend_of(JsonReader& reader) {
  // Older files say add_prefix_space, true by default, in place of prepend_scheme.
  const bool adds = reader.get_or<bool>("add_prefix_space", true);
  const auto scheme = reader.get_or<std::string>("prepend_scheme", adds ? "always" : "never");
  if (scheme == "always") return Metaspace::Prepend::Always;
  if (scheme == "first") return Metaspace::Prepend::First;
  require(scheme == "never", "{}: '{}' is not supported; known are always, first and never",
          reader.path_of("prepend_scheme"), scheme);
  return Metaspace::Prepend::Never;
}

Metaspace metaspace_of(JsonReader& reader) {
  reader.ignore("str_rep");  // the replacement again
  return {reader.get<std::string>("replacement"), prepend_of(reader), reader.get_or("split", true)};
}

PreTokenizerStep pre_tokenizer_step(const Component& component) {
  JsonReader reader(component.json, component.path);
  reader.ignore("type");
  PreTokenizerStep step;
  if (component.type == "Split") {
    const auto [text, is_literal] = pattern_of(reader);
    step = Split{text, is_literal, behavior_of(reader), reader.get_or("invert", false)};
  } else if (component.type == "ByteLevel") {
    reader.ignore("trim_offsets");  // concerns offsets, not ids
    step = ByteLevel{reader.get_or("add_prefix_space", true), reader.get_or("use_regex", true)};
  } else if (component.type == "Metaspace") {
    step = metaspace_of(reader);
  } else if (component.type == "Digits") {
    const bool individual = reader.get_or("individual_digits", false);
    step = Split{.pattern = individual ? "\\p{N}" : "\\p{N}+"};
  } else {
    refuse(component, "Split, ByteLevel, Metaspace, Digits and Sequence");
  }
  reader.done();
  return step;
}

/// The ids that a TemplateProcessing puts around a single text.
void read_template(const Component& component, TokenizerParts& parts) {
  JsonReader reader(component.json, component.path);
  reader.ignore("type");
  reader.ignore("pair");
  const Json& special_tokens = reader.at("special_tokens");
  bool is_after = false;
  for (const auto& item : reader.at("single")) {
    is_after = is_after || item.contains("Sequence");
    if (item.contains("Sequence")) continue;
    require(item.contains("SpecialToken"), "{}: {} is neither Sequence nor SpecialToken",
            reader.path_of("single"), item.dump());
    const auto name =
        JsonReader(item["SpecialToken"], reader.path_of("single")).get<std::string>("id");
    JsonReader tokens(special_tokens, reader.path_of("special_tokens"));
    JsonReader token(tokens.at(name), tokens.path_of(name));
    for (const int32_t id : token.get<std::vector<int32_t>>("ids")) {
      (is_after ? parts.after : parts.before).push_back(id);
    }
  }
  require(is_after, "{}: the text itself (Sequence) is missing", reader.path_of("single"));
  reader.done();
}

void read_post_processor(const Json& json, const std::string& path, TokenizerParts& parts) {
  for (const auto& component : components_of(json, path, "processors")) {
    if (component.type == "ByteLevel") continue;  // concerns offsets, not ids
    if (component.type != "TemplateProcessing") {
      refuse(component, "TemplateProcessing, ByteLevel and Sequence");
    }
    read_template(component, parts);
  }
}

bool strips_one_blank(JsonReader& reader) {
  const auto content = reader.get<std::string>("content");
  const auto start = reader.get<int64_t>("start");
  const auto stop = reader.get<int64_t>("stop");
  require(content == " " && (start == 0 || start == 1) && stop == 0,
          "{}: strips {} '{}' in front and {} at the end; supported is one blank in front",
          reader.path_of("type"), start, content, stop);
  return start == 1;
}

void read_decoder_component(const Component& component, TextDecoder& decoder) {
  JsonReader reader(component.json, component.path);
  reader.ignore("type");
  using LeadingBlank = DecodeRules::LeadingBlank;
  if (component.type == "ByteLevel") {
    for (const char* key : {"add_prefix_space", "trim_offsets", "use_regex"}) reader.ignore(key);
    decoder.byte_level = true;
  } else if (component.type == "Replace") {
    const auto [text, is_literal] = pattern_of(reader);
    require(is_literal, "{}: a regular expression is not supported in a decoder", component.path);
    decoder.replacements.emplace_back(text, reader.get<std::string>("content"));
  } else if (component.type == "ByteFallback") {
    decoder.byte_fallback = true;
  } else if (component.type == "Strip") {
    if (strips_one_blank(reader)) decoder.leading_blank = LeadingBlank::StripFromText;
  } else if (component.type == "Metaspace") {
    const auto space = metaspace_of(reader);
    decoder.replacements.emplace_back(space.mark, " ");
    const bool keeps = space.prepend == Metaspace::Prepend::Never;
    decoder.leading_blank = keeps ? LeadingBlank::Keep : LeadingBlank::StripAllOfFirstPiece;
  } else if (component.type != "Fuse") {
    refuse(component, "ByteLevel, Metaspace, Replace, ByteFallback, Fuse, Strip and Sequence");
  }
  reader.done();
}

/// Only such orders as mean what TextDecoder does.
TextDecoder decoder_of(const Json& json, const std::string& path) {
  static const std::vector<std::string> order{"Replace", "ByteFallback", "Fuse", "Strip"};
  const auto components = components_of(json, path, "decoders");
  require(!components.empty(), "{}: there is none; expected ByteLevel, Metaspace or a Sequence",
          path);
  TextDecoder decoder;
  size_t reached = 0;
  bool is_fused = false;
  for (const auto& component : components) {
    read_decoder_component(component, decoder);
    const auto place = std::find(order.begin(), order.end(), component.type);
    if (place == order.end()) {
      require(components.size() == 1, "{}: {} is not supported beside other decoders",
              component.path, component.type);
      continue;
    }
    const auto index = static_cast<size_t>(place - order.begin());
    is_fused = is_fused || component.type == "Fuse";
    require(
        index >= reached && (component.type != "Strip" || is_fused),
        "{}: {} is not supported at this place; expected the order Replace, ByteFallback, Fuse, "
        "Strip",
        component.path, component.type);
    reached = index;
  }
  return decoder;
}

AddedToken added_token_of(const Json& json, const std::string& path) {
  JsonReader reader(json, path);
  const auto id = reader.get<int64_t>("id");
  require(id >= 0 && id <= Vocabulary::max_id, "{}: {} is no token id", reader.path_of("id"), id);
  AddedToken token{.id = static_cast<int32_t>(id),
                   .content = reader.get<std::string>("content"),
                   .special = reader.get_or("special", false),
                   .lstrip = reader.get_or("lstrip", false),
                   .rstrip = reader.get_or("rstrip", false),
                   .single_word = reader.get_or("single_word", false),
                   .normalized = reader.get_or("normalized", true)};
  require(!token.content.empty(), "{}: the content is empty", path);
  reader.done();
  return token;
}

/// Everything of the model but its vocabulary and merges.
void read_model_settings(const Json& json, const std::string& path, BpeModel& model) {
  JsonReader reader(json, path);
  const auto type = reader.get_or<std::string>("type", "BPE");
  require(type == "BPE", "{}: type '{}' is not supported; known is BPE", path, type);
  require(reader.get_or("dropout", 0.0) == 0, "{}: dropout makes ids random; expected null",
          reader.path_of("dropout"));
  for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    require(reader.get_or<std::string>(key, "").empty(), "{}: '{}' is not supported; expected null",
            reader.path_of(key), reader.get_or<std::string>(key, ""));
  }
  if (reader.has("unk_token")) model.unknown = reader.get<std::string>("unk_token");
  reader.ignore("unk_token");
  model.fuse_unknown = reader.get_or("fuse_unk", false);
  model.byte_fallback = reader.get_or("byte_fallback", false);
  model.ignore_merges = reader.get_or("ignore_merges", false);
  reader.done();
}

void read_model(const dom::element& element, const std::string& path, BpeModel& model) {
  dom::object entries;
  require(!element.get(entries), "{}: expected an object", path);
  Json settings = Json::object();
  for (const auto& [key, value] : entries) {
    if (key != "vocab" && key != "merges") settings[std::string(key)] = small_json(value, path);
  }
  read_model_settings(settings, path, model);
  dom::element vocabulary, merges;
  require(!entries["vocab"].get(vocabulary), "{}.vocab: missing", path);
  require(!entries["merges"].get(merges), "{}.merges: missing", path);
  model.vocabulary = vocabulary_of(vocabulary, path + ".vocab");
  model.merges = merges_of(merges, path + ".merges");
}

/// Whether the pieces are bytes: ByteLevel, which only makes sense as the last step.
bool is_byte_level(const std::vector<PreTokenizerStep>& steps, const std::string& path) {
  for (size_t i = 0; i + 1 < steps.size(); ++i) {
    require(!std::holds_alternative<ByteLevel>(steps[i]),
            "{}: a step after ByteLevel is not supported", path);
  }
  return !steps.empty() && std::holds_alternative<ByteLevel>(steps.back());
}

void read_components(const Json& document, const std::string& where, TokenizerParts& parts) {
  JsonReader reader(document, where);
  const auto json_of = [&](const char* key) {
    reader.ignore(key);
    return reader.has(key) ? reader.at(key) : Json();
  };
  for (const char* key : {"version", "padding"}) reader.ignore(key);  // padding concerns batches
  if (!json_of("truncation").is_null()) {
    parts.notes.emplace_back("truncation in tokenizer.json is not applied");
  }
  for (const auto& token : json_of("added_tokens")) {
    parts.added_tokens.push_back(added_token_of(
        token, fmt::format("{}[{}]", reader.path_of("added_tokens"), parts.added_tokens.size())));
  }
  for (const auto& component :
       components_of(json_of("normalizer"), reader.path_of("normalizer"), "normalizers")) {
    parts.normalizer.push_back(normalizer_step(component));
  }
  for (const auto& component :
       components_of(json_of("pre_tokenizer"), reader.path_of("pre_tokenizer"), "pretokenizers")) {
    parts.pre_tokenizer.push_back(pre_tokenizer_step(component));
  }
  parts.model.byte_level = is_byte_level(parts.pre_tokenizer, reader.path_of("pre_tokenizer"));
  read_post_processor(json_of("post_processor"), reader.path_of("post_processor"), parts);
  parts.decoder = decoder_of(json_of("decoder"), reader.path_of("decoder"));
  reader.done();
}

}  // namespace

TokenizerParts read_tokenizer_json(const std::filesystem::path& file) {
  const ParsedFile parsed(file);
  const std::string where = file.string();
  TokenizerParts parts;
  Json document = Json::object();
  for (const auto& [key, value] : dom::object(parsed.root)) {
    if (key != "model") document[std::string(key)] = small_json(value, where);
  }
  dom::element model;
  require(!parsed.root["model"].get(model), "{}: model: missing; this is no tokenizer.json", where);
  read_model(model, where + ": $.model", parts.model);
  read_components(document, where + ": $", parts);
  return parts;
}

}  // namespace hylo::models
