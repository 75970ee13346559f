// The packages that this program was built with.
#pragma once

#include <string>
#include <vector>

namespace hylo::cli {

struct Package {
  std::string name;
  std::string version;        ///< of the library that runs, where it tells; else of its headers
  std::string built_against;  ///< version of its headers, where they tell and it may differ
};

std::vector<Package> packages();

}  // namespace hylo::cli
