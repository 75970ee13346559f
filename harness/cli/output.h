// What a verb prints: results on stdout, for people or as one JSON document.
#pragma once

#include <streambuf>
#include <string>
#include <string_view>

#include "harness/base/json.h"

namespace hylo::cli {

/// Writes to stdout at once. When nobody reads it any more (`| head`) the rest is dropped: that is
/// the reader's choice and no error. Throws Error when it cannot be written (a full disk).
void print_out(std::string_view text);

/// One document, indented, on stdout.
void print_json(const OrderedJson& document);

/// stdout as the buffer of a stream, with the manners of print_out.
class StandardOutput : public std::streambuf {
 public:
  StandardOutput() = default;
  ~StandardOutput() override = default;  ///< flush the stream first: a destructor cannot fail

 protected:
  int_type overflow(int_type byte) override;
  std::streamsize xsputn(const char* text, std::streamsize size) override;
  int sync() override;

 private:
  std::string pending_;
};

/// Before anything else in main: a reader that goes away, and a file that may not grow, are told to
/// those who write instead of ending the process, and 0 to 2 are taken, so that no file of ours
/// gets the number of a closed stdout.
void prepare_standard_streams();

}  // namespace hylo::cli
