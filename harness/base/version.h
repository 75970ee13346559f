// Which hylo this is.
#pragma once

#include <string_view>

namespace hylo {

std::string_view version();  ///< "0.1.0"

}  // namespace hylo
