// A page of facts: sections of names and values, drawn for people or as JSON from one source.
#pragma once

#include <string>
#include <vector>

#include "harness/base/json.h"

namespace hylo::cli {

struct Fact {
  std::string key;    ///< in JSON; people read blanks in it: "stored_bytes"
  OrderedJson value;  ///< in JSON
  std::string text;   ///< for people; each line is one of its own
  bool is_problem = false;
};

struct FactSection {
  std::string key;
  std::vector<Fact> facts;
};

using FactPage = std::vector<FactSection>;

/// A fact whose text is its value: a string, a number or true and false ("yes" and "no").
Fact fact(const std::string& key, const OrderedJson& value);
/// Absent: null, and for people what that means.
Fact absent(const std::string& key, const std::string& meaning);

/// {"section": {"key": value, ...}, ..., "problems": ["section: key: text", ...]}.
OrderedJson json_of(const FactPage& page);

/// Aligned; problems are marked, in colour where `colour` is set.
std::string text_of(const FactPage& page, bool colour);

/// On stdout, in the form that was asked for.
void print_facts(const FactPage& page, bool json);

}  // namespace hylo::cli
