// The container: written and read back bit by bit, and every way in which a file can lie.
#include "models/weights/safetensors.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>

#include "harness/base/files.h"
#include "harness/base/json.h"
#include "tests/support/test_data.h"

namespace hylo::models {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;
using tests::error_of;
using tests::TemporaryFolder;

/// Consecutive byte patterns: every number of a type, NaN and infinities among them.
at::Tensor patterns(at::IntArrayRef shape, at::ScalarType type) {
  auto tensor = at::empty(shape, at::TensorOptions().dtype(type));
  auto* bytes = static_cast<unsigned char*>(tensor.mutable_data_ptr());
  for (size_t i = 0; i < tensor.nbytes(); ++i) {
    bytes[i] = static_cast<unsigned char>(type == at::kBool ? i % 2 : i * 37 + 11);
  }
  return tensor;
}

std::string bytes_of(const at::Tensor& tensor) {
  const auto whole = tensor.contiguous();
  return {static_cast<const char*>(whole.const_data_ptr()), whole.nbytes()};
}

std::string little_endian(uint64_t value) {
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &value, 8);
  return bytes;
}

/// A file of a header and `data_bytes` bytes of data.
std::string file_with(const std::string& header, size_t data_bytes) {
  return little_endian(header.size()) + header + std::string(data_bytes, 'x');
}

std::string refusal(const std::string& content) {
  const TemporaryFolder folder;
  write_text_file(folder / "model.safetensors", content);
  const auto text = error_of([&] { const SafetensorsFile file(folder / "model.safetensors"); });
  EXPECT_THAT(text, HasSubstr("model.safetensors: "));
  return text;
}

std::string refusal_of_entry(const std::string& entry, size_t data_bytes = 8) {
  return refusal(file_with("{\"w\":" + entry + "}", data_bytes));
}

TEST(Safetensors, EveryTypeAndShapeComesBackBitByBit) {
  const TemporaryFolder folder;
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (const auto type : {at::kDouble, at::kFloat, at::kHalf, at::kBFloat16, at::kLong, at::kInt,
                          at::kShort, at::kChar, at::kByte, at::kBool}) {
    const std::string name = c10::toString(type);
    tensors.emplace_back(name + ".odd", patterns({3, 1, 7}, type));
    tensors.emplace_back(name + ".scalar", patterns({}, type));
    tensors.emplace_back(name + ".empty", patterns({2, 0, 5}, type));
  }
  tensors.emplace_back("a name with \"quotes\" and \xC3\xA4", patterns({5}, at::kFloat));
  write_safetensors(folder / "t.safetensors", tensors);
  const SafetensorsFile file(folder / "t.safetensors");
  EXPECT_EQ(file.entries().size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    const auto found = file.tensor(name);
    EXPECT_EQ(found.sizes(), tensor.sizes()) << name;
    EXPECT_EQ(found.scalar_type(), tensor.scalar_type()) << name;
    EXPECT_EQ(bytes_of(found), bytes_of(tensor)) << name;
  }
}

TEST(Safetensors, ATensorThatIsNotContiguousIsWrittenAsItReads) {
  const TemporaryFolder folder;
  const auto turned = at::arange(6).to(at::kFloat).view({2, 3}).t();
  write_safetensors(folder / "t.safetensors", {{"w", turned}});
  EXPECT_EQ(bytes_of(SafetensorsFile(folder / "t.safetensors").tensor("w")), bytes_of(turned));
}

TEST(Safetensors, NoTensorsAreAFileToo) {
  const TemporaryFolder folder;
  write_safetensors(folder / "t.safetensors", {});
  const SafetensorsFile file(folder / "t.safetensors");
  EXPECT_TRUE(file.entries().empty());
  EXPECT_EQ(file.data_bytes(), 0U);
  EXPECT_THAT(error_of([&] { (void)file.tensor("w"); }), HasSubstr("has no tensor 'w'"));
}

TEST(Safetensors, DataBeginsAtAMultipleOf8) {
  const TemporaryFolder folder;
  std::string name;
  for (int i = 0; i < 9; ++i) {
    name += 'x';
    write_safetensors(folder / "t.safetensors", {{name, patterns({3}, at::kDouble)}});
    const auto tensor = SafetensorsFile(folder / "t.safetensors").tensor(name);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.const_data_ptr()) % 8, 0U);
  }
}

TEST(Safetensors, ATensorKeepsTheMappingAlive) {
  const TemporaryFolder folder;
  write_safetensors(folder / "t.safetensors", {{"w", patterns({1000}, at::kFloat)}});
  auto tensor = SafetensorsFile(folder / "t.safetensors").tensor("w");
  EXPECT_EQ(bytes_of(tensor), bytes_of(patterns({1000}, at::kFloat)));
}

TEST(Safetensors, AFileCutOffAnywhereIsRefused) {
  const TemporaryFolder folder;
  write_safetensors(folder / "t.safetensors",
                    {{"a", patterns({5}, at::kFloat)}, {"b", patterns({3}, at::kBFloat16)}});
  const auto whole = read_text_file(folder / "t.safetensors");
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(refusal(whole.substr(0, size)),
                AnyOf(HasSubstr("cut off"), HasSubstr("is not a file")))
        << size;
  }
  EXPECT_THAT(refusal(whole + "y"), HasSubstr("it was added to"));
}

TEST(Safetensors, AHeaderLengthThatCannotBeIsRefused) {
  for (const uint64_t length : {uint64_t{100}, uint64_t{1} << 31, uint64_t{1} << 62,
                                uint64_t{1} << 63, ~uint64_t{0}, ~uint64_t{7}}) {
    EXPECT_THAT(refusal(little_endian(length) + "{}"), HasSubstr("claims a header of"));
  }
}

TEST(Safetensors, AHeaderThatIsNotAJsonObjectIsRefused) {
  EXPECT_THAT(refusal(file_with("not json", 0)), HasSubstr("header: not JSON"));
  EXPECT_THAT(refusal(file_with("", 0)), HasSubstr("header: not JSON"));
  EXPECT_THAT(refusal(file_with("[1]", 0)), HasSubstr("header: expected a JSON object"));
  EXPECT_THAT(refusal(file_with("{\"w\":3}", 0)), HasSubstr("expected a JSON object"));
  EXPECT_THAT(refusal(file_with("{\"\xFF\":{}}", 0)), HasSubstr("header: not JSON"));
  EXPECT_THAT(refusal(file_with(std::string(100000, '['), 0)), HasSubstr("header"));
}

TEST(Safetensors, TypesShapesAndKeysThatCannotBeAreRefused) {
  EXPECT_THAT(refusal_of_entry(R"({"dtype":"F8_E4M3","shape":[8],"data_offsets":[0,8]})"),
              HasSubstr("tensor 'w': type 'F8_E4M3' is not known; known are F64 F32"));
  EXPECT_THAT(refusal_of_entry(R"({"dtype":7,"shape":[8],"data_offsets":[0,8]})"),
              HasSubstr("tensor 'w'.dtype"));
  EXPECT_THAT(refusal_of_entry(R"({"dtype":"F32","shape":[3],"data_offsets":[0,8]})"),
              HasSubstr("shape and type need 12 bytes, data_offsets give [0, 8)"));
  EXPECT_THAT(refusal_of_entry(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"),
              HasSubstr("expected a whole number from 0 on, found -2"));
  EXPECT_THAT(refusal_of_entry(R"({"dtype":"F32","shape":[2.5],"data_offsets":[0,8]})"),
              HasSubstr("found 2.5"));
  EXPECT_THAT(refusal_of_entry(R"({"dtype":"F32","shape":2,"data_offsets":[0,8]})"),
              HasSubstr("expected a list as shape"));
  EXPECT_THAT(refusal_of_entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1})"),
              HasSubstr("x: unknown key"));
  EXPECT_THAT(refusal_of_entry(R"({"dtype":"F32","shape":[2]})"),
              HasSubstr("data_offsets: missing"));
  // 2^63 elements; 2^62 of 4 bytes; 2^32 x 2^32: each wraps around to few bytes.
  for (const auto* shape : {"[9223372036854775808]", "[4611686018427387904]",
                            "[4294967296,4294967296]", "[18446744073709551616]"}) {
    EXPECT_THAT(refusal_of_entry(
                    fmt::format(R"({{"dtype":"F32","shape":{},"data_offsets":[0,0]}})", shape), 0),
                HasSubstr("tensor 'w'"))
        << shape;
  }
}

TEST(Safetensors, OffsetsThatCannotBeAreRefused) {
  for (const auto* offsets :
       {"[0]", "[0,8,9]", "[-8,0]", "[8,0]", "[0,9223372036854775808]", "[0,18446744073709551615]",
        "[0,18446744073709551616]", "[9223372036854775808,9223372036854775816]",
        "[18446744073709551608,0]", "[\"0\",8]", "[0.0,8]"}) {
    EXPECT_THAT(refusal_of_entry(
                    fmt::format(R"({{"dtype":"F32","shape":[2],"data_offsets":{}}})", offsets)),
                HasSubstr("tensor 'w'"))
        << offsets;
  }
  EXPECT_THAT(refusal_of_entry(R"({"dtype":"F32","shape":[2],"data_offsets":[8,16]})", 16),
              HasSubstr("begins at byte 8 of the data, expected 0: tensors leave a hole"));
  EXPECT_THAT(refusal_of_entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]})", 4),
              HasSubstr("describes 8 bytes of tensors, the file has 4; it was cut off"));
}

TEST(Safetensors, TensorsThatOverlapOrLeaveHolesAreRefused) {
  const auto two = [](int begin, int end) {
    return file_with(fmt::format(R"({{"a":{{"dtype":"U8","shape":[8],"data_offsets":[0,8]}},)"
                                 R"("b":{{"dtype":"U8","shape":[{}],"data_offsets":[{},{}]}}}})",
                                 end - begin, begin, end),
                     static_cast<size_t>(end));
  };
  EXPECT_THAT(refusal(two(7, 12)), HasSubstr("tensor 'b' begins at byte 7 of the data, expected 8: "
                                             "tensors overlap"));
  EXPECT_THAT(refusal(two(9, 12)), HasSubstr("leave a hole"));
  EXPECT_THAT(refusal(two(0, 8)), HasSubstr("overlap"));
}

TEST(Safetensors, ANameThatOccursTwiceIsRefused) {
  const std::string entry = R"({"dtype":"U8","shape":[8],"data_offsets":[0,8]})";
  EXPECT_THAT(refusal(file_with("{\"w\":" + entry + ",\"w\":" + entry + "}", 8)),
              HasSubstr("header: 'w' occurs twice"));
  EXPECT_THAT(refusal_of_entry(R"({"dtype":"U8","shape":[8],"shape":[8],"data_offsets":[0,8]})"),
              HasSubstr("header: 'shape' occurs twice"));
}

TEST(Safetensors, WhatIsNotAFileIsRefused) {
  const TemporaryFolder folder;
  EXPECT_THAT(error_of([&] { const SafetensorsFile file(folder / "absent"); }),
              HasSubstr("cannot be opened: No such file"));
  EXPECT_THAT(error_of([&] { const SafetensorsFile file(folder.path()); }),
              HasSubstr("is not a file"));
}

/// While it lives, no file may grow beyond `bytes`: what a full disk looks like.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : signal_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    (void)std::signal(SIGXFSZ, signal_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit before_{};
  void (*signal_)(int);
};

TEST(Safetensors, AFullDiskLeavesTheOldFileAndNothingElse) {
  const TemporaryFolder folder;
  const auto file = folder / "t.safetensors";
  write_safetensors(file, {{"w", patterns({3}, at::kFloat)}});
  const auto before = read_text_file(file);
  for (const rlim_t bytes : {4, 50, 5000, 100000}) {
    const FullDisk full(bytes);
    EXPECT_THAT(error_of([&] {
                  write_safetensors(file, {{"w", patterns({100000}, at::kFloat)}});
                }),
                AllOf(HasSubstr("t.safetensors"), HasSubstr("cannot be written: File too large"),
                      HasSubstr("nothing was changed")));
  }
  EXPECT_EQ(read_text_file(file), before);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

}  // namespace
}  // namespace hylo::models
