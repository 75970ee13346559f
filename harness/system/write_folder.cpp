#include "harness/system/write_folder.h"

#include "harness/base/error.h"

namespace hylo::harness {

namespace fs = std::filesystem;

void require_free(const fs::path& folder) {
  std::error_code failure;
  const bool is_free = !fs::exists(folder, failure) || (fs::is_directory(folder, failure) &&
                                                        fs::is_empty(folder, failure) && !failure);
  require(is_free, "{}: is there already and not an empty folder; name another, or remove it",
          folder.string());
}

fs::path unfinished_place(const fs::path& folder) {
  const auto path = fs::absolute(folder).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).string() + ".part";
}

void require_writable(const fs::path& folder) {
  require_free(folder);
  require_free(unfinished_place(folder));
}

void write_folder(const fs::path& folder, const std::function<void(const fs::path&)>& write) {
  const auto part = unfinished_place(folder);
  const auto to = fs::path(part).replace_extension();
  require_free(part);
  std::error_code ignored;
  try {
    write(part);
    fs::remove_all(to);
    fs::rename(part, to);
  } catch (const fs::filesystem_error& error) {
    fs::remove_all(part, ignored);
    fail("{}: cannot be written: {}", to.string(), error.code().message());
  } catch (...) {
    fs::remove_all(part, ignored);
    throw;
  }
}

}  // namespace hylo::harness
