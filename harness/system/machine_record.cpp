#include "harness/system/machine_record.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>

namespace hylo::harness {

OrderedJson machine_json() {
  utsname names{};
  uname(&names);
  return {{"host", names.nodename},
          {"system", names.sysname},
          {"release", names.release},
          {"architecture", names.machine}};
}

int64_t resident_bytes() {
  int64_t all = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

}  // namespace hylo::harness
