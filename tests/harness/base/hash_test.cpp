#include "harness/base/hash.h"

#include <gmock/gmock.h>

#include "harness/base/files.h"
#include "tests/support/test_data.h"

namespace hylo::tests {
namespace {

// FIPS 180-2, appendix B.
constexpr auto hash_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
constexpr auto hash_of_a_million =
    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

TEST(Hashes, Sha256AgreesWithThePublishedVectors) {
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256_hex("abc"), hash_of_abc);
  EXPECT_EQ(sha256_hex(std::string(1'000'000, 'a')), hash_of_a_million);
}

TEST(Hashes, PiecesGiveTheHashOfTheWhole) {
  EXPECT_EQ(Sha256().update("a").update("").update("bc").hex(), hash_of_abc);
}

TEST(Hashes, AFileLongerThanTheBufferIsReadWholly) {
  const TemporaryFolder folder;
  write_text_file(folder / "million", std::string(1'000'000, 'a'));
  EXPECT_EQ(sha256_of_file(folder / "million"), hash_of_a_million);
  const std::string three_megabytes(3 << 20, 'x');
  write_text_file(folder / "three", three_megabytes);
  EXPECT_EQ(sha256_of_file(folder / "three"), sha256_hex(three_megabytes));
  EXPECT_THAT(error_of([&] { sha256_of_file(folder / "absent"); }), testing::HasSubstr("absent"));
  EXPECT_THAT(error_of([&] { sha256_of_file(folder.path()); }), testing::HasSubstr("reading failed"));
}

TEST(Hashes, Crc32IsThatOfZlib) {
  EXPECT_EQ(crc32("123456789"), 0xCBF43926U);  // the check value of CRC-32/ISO-HDLC
  EXPECT_EQ(crc32(""), 0U);
}

}  // namespace
}  // namespace hylo::tests
