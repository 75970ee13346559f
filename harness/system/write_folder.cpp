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

void write_folder(const fs::path& folder, const std::function<void(const fs::path&)>& write) {
  const auto path = fs::absolute(folder).lexically_normal();
  const fs::path to = path.has_filename() ? path : path.parent_path();
  const fs::path part = to.string() + ".part";
  std::error_code ignored;
  fs::remove_all(part, ignored);
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
