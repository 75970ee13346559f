// Which hylo this is.
#pragma once

#include <string_view>

namespace hylo {

std::string_view version();  ///< "0.1.0"
/// Of the sources when the build was configured, in hexadecimal; empty outside of a repository.
std::string_view commit();

}  // namespace hylo
