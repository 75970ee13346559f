#include <fmt/core.h>

int main() {
  fmt::print("hylo\n");
  return 0;
}
