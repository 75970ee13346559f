#include "harness/cli/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

#include "harness/base/error.h"

namespace hylo::cli {

void print_out(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<size_t>(written));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno == EPIPE) return;
    fail("standard output: cannot be written: {}", std::strerror(errno));
  }
}

void print_json(const OrderedJson& document) { print_out(document.dump(2) + "\n"); }

StandardOutput::int_type StandardOutput::overflow(int_type byte) {
  if (traits_type::eq_int_type(byte, traits_type::eof())) return traits_type::not_eof(byte);
  const char character = traits_type::to_char_type(byte);
  xsputn(&character, 1);
  return byte;
}

std::streamsize StandardOutput::xsputn(const char* text, std::streamsize size) {
  constexpr size_t enough = 1 << 16;
  pending_.append(text, static_cast<size_t>(size));
  if (pending_.size() >= enough) sync();
  return size;
}

int StandardOutput::sync() {
  print_out(pending_);
  pending_.clear();
  return 0;
}

void prepare_standard_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  // What was closed is opened so that writing to it fails and says so.
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) == -1) ::open("/dev/null", O_RDONLY);
  }
}

}  // namespace hylo::cli
