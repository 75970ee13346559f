#include "harness/base/version.h"

namespace hylo {

std::string_view version() { return HYLO_VERSION; }
std::string_view commit() { return HYLO_COMMIT; }

}  // namespace hylo
