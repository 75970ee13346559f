#include "harness/base/version.h"

namespace hylo {

std::string_view version() { return HYLO_VERSION; }

}  // namespace hylo
