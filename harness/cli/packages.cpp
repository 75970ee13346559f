#include "harness/cli/packages.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <ATen/Version.h>
#include <fmt/format.h>
#include <hwy/highway.h>
#include <openssl/crypto.h>
#include <openssl/opensslv.h>
#include <pcre2.h>
#include <simdjson.h>
#include <sqlite3.h>
#include <torch/version.h>
#include <utf8proc.h>
#include <zlib.h>

#include <CLI/Version.hpp>
#include <array>
#include <nlohmann/json.hpp>

namespace hylo::cli {
namespace {

std::string pcre2_version() {
  std::array<char, 64> text{};  // "10.42 2022-12-11"
  pcre2_config(PCRE2_CONFIG_VERSION, text.data());
  const std::string version = text.data();
  return version.substr(0, version.find(' '));
}

}  // namespace

std::vector<Package> packages() {
  return {
      {"LibTorch", TORCH_VERSION, TORCH_VERSION},
      {"sentencepiece", HYLO_SENTENCEPIECE_VERSION, HYLO_SENTENCEPIECE_VERSION},
      {"SQLite", sqlite3_libversion(), SQLITE_VERSION},
      {"PCRE2", pcre2_version(), fmt::format("{}.{}", PCRE2_MAJOR, PCRE2_MINOR)},
      {"utf8proc", utf8proc_version(),
       fmt::format("{}.{}.{}", UTF8PROC_VERSION_MAJOR, UTF8PROC_VERSION_MINOR,
                   UTF8PROC_VERSION_PATCH)},
      {"Highway", fmt::format("{}.{}.{}", HWY_MAJOR, HWY_MINOR, HWY_PATCH), ""},
      {"fmt",
       fmt::format("{}.{}.{}", FMT_VERSION / 10000, FMT_VERSION / 100 % 100, FMT_VERSION % 100),
       ""},
      {"nlohmann_json",
       fmt::format("{}.{}.{}", NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                   NLOHMANN_JSON_VERSION_PATCH),
       ""},
      {"CLI11", CLI11_VERSION, ""},
      {"simdjson",
       fmt::format("{}.{}.{}", static_cast<int>(simdjson::SIMDJSON_VERSION_MAJOR),
                   static_cast<int>(simdjson::SIMDJSON_VERSION_MINOR),
                   static_cast<int>(simdjson::SIMDJSON_VERSION_REVISION)),
       ""},
      {"OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING), OPENSSL_VERSION_STR},
      {"zlib", zlibVersion(), ZLIB_VERSION},
  };
}

}  // namespace hylo::cli
