#include "tasks/ruler/needle_parts.h"

#include <fmt/format.h>

namespace hylo::tasks::ruler {

std::string_view name_of(NeedlePart part) {
  switch (part) {
    case NeedlePart::Words:
      return "words";
    case NeedlePart::Numbers:
      return "numbers";
    case NeedlePart::Uuids:
      return "uuids";
  }
  return "";
}

std::string version_4_uuid(uint64_t high, uint64_t low) {
  high = (high & ~(15ULL << 12)) | (4ULL << 12);
  low = (low & ~(3ULL << 62)) | (2ULL << 62);
  return fmt::format("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff,
                     high & 0xffff, low >> 48, low & 0xffffffffffffULL);
}

}  // namespace hylo::tasks::ruler
