#include "harness/base/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>

#include "harness/base/error.h"

namespace hylo {

std::string read_text_file(const std::filesystem::path& file) {
  std::error_code ignored;
  require(!std::filesystem::is_directory(file, ignored), "{}: is a folder, expected a file",
          file.string());
  std::ifstream in(file, std::ios::binary);
  require(in.is_open(), "{}: cannot be read: {}", file.string(), std::strerror(errno));
  std::ostringstream out;
  out << in.rdbuf();
  require(!in.bad(), "{}: reading failed: {}", file.string(), std::strerror(errno));
  return std::move(out).str();
}

void write_text_file(const std::filesystem::path& file, std::string_view text) {
  const std::string draft = fmt::format("{}.{}.part", file.string(), ::getpid());
  const int descriptor = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  require(descriptor >= 0, "{}: cannot be written: {}", draft, std::strerror(errno));
  size_t written = 0;
  bool ok = true;
  while (ok && written < text.size()) {
    const ssize_t n = ::write(descriptor, text.data() + written, text.size() - written);
    if (n < 0 && errno == EINTR) continue;
    ok = n > 0;
    if (ok) written += static_cast<size_t>(n);
  }
  ok = ok && ::fsync(descriptor) == 0;
  const int reason = errno;
  ::close(descriptor);
  if (ok && std::rename(draft.c_str(), file.c_str()) == 0) return;
  const int why = ok ? errno : reason;
  ::unlink(draft.c_str());
  fail("{}: cannot be written: {}; nothing was changed", file.string(), std::strerror(why));
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
  }
  return lines;
}

std::filesystem::path shipped_file(const std::filesystem::path& relative) {
  std::vector<std::filesystem::path> roots;
  if (const auto named = environment("HYLO_SHARE"); !named.empty()) roots.emplace_back(named);
  std::error_code unreadable;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", unreadable);
  if (!unreadable) roots.push_back(program.parent_path().parent_path() / "share" / "hylo");
  roots.emplace_back(HYLO_SOURCE_SHARE);
  std::string tried;
  for (const auto& root : roots) {
    std::error_code absent;
    if (std::filesystem::exists(root / relative, absent)) return root / relative;
    tried += fmt::format(" {}", root.string());
  }
  fail("{}: not found; looked in{}. Set HYLO_SHARE to the folder that holds it", relative.string(),
       tried);
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

}  // namespace hylo
