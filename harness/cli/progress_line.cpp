#include "harness/cli/progress_line.h"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "harness/base/units.h"

namespace hylo::cli {
namespace {

constexpr double seconds_between_updates = 0.2;

}  // namespace

ProgressLine::ProgressLine() : is_terminal_(::isatty(STDERR_FILENO) == 1) {}

ProgressLine::~ProgressLine() { clear(); }

void ProgressLine::clear() {
  if (is_shown_) fmt::print(stderr, "\r\x1b[K");
  is_shown_ = false;
}

void ProgressLine::show(const harness::RunProgress& progress) { show(progress_text(progress)); }

void ProgressLine::show(const std::string& text) {
  const double now = watch_.seconds();
  if (!is_terminal_ || (last_seconds_ >= 0 && now - last_seconds_ < seconds_between_updates)) {
    return;
  }
  last_seconds_ = now;
  is_shown_ = true;
  fmt::print(stderr, "\r\x1b[K{}", text);
  std::fflush(stderr);
}

std::string progress_text(const harness::RunProgress& p) {
  const double rate = p.seconds > 0 ? static_cast<double>(p.rows_done) / p.seconds : 0;
  auto text = fmt::format("{} {}/{} documents", p.task, with_thousands(p.num_finished),
                          with_thousands(p.num_documents));
  if (rate > 0) {
    text += fmt::format(", {} tokens/s, {} left", with_thousands(static_cast<int64_t>(rate)),
                        human_seconds(static_cast<double>(p.rows_left) / rate));
  }
  return p.value ? text + fmt::format(", {} {:.4g}", p.metric, *p.value) : text;
}

}  // namespace hylo::cli
