#include "tasks/ruler/folders.h"

#include <algorithm>
#include <system_error>

#include "harness/base/error.h"

namespace hylo::tasks::ruler {

namespace fs = std::filesystem;

fs::file_type kind_of(const fs::path& path) {
  std::error_code fault;
  const auto type = fs::status(path, fault).type();
  require(type != fs::file_type::none, "{}: cannot be read: {}", path.string(), fault.message());
  return type;
}

std::vector<fs::path> files_in(const fs::path& folder,
                               const std::function<bool(const fs::path&)>& is_wanted) {
  std::vector<fs::path> files;
  std::error_code fault;
  fs::directory_iterator entry(folder, fault);
  while (!fault && entry != fs::directory_iterator()) {
    const auto& path = entry->path();
    if (is_wanted(path)) {
      const auto kind = kind_of(path);
      require(kind != fs::file_type::not_found, "{}: is a link to nothing; remove or mend it",
              path.string());
      if (kind == fs::file_type::regular) files.push_back(path);
    }
    entry.increment(fault);
  }
  require(!fault, "{}: this folder cannot be read: {}", folder.string(), fault.message());
  std::ranges::sort(files);
  return files;
}

}  // namespace hylo::tasks::ruler
