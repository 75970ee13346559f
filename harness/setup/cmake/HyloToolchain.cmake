# Compiler set-up shared by all targets: build cache, linker, warnings, sanitizers.
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(HYLO_CCACHE ccache)
if(HYLO_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${HYLO_CCACHE})
endif()
find_program(HYLO_MOLD mold)
if(HYLO_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_library(hylo_warnings INTERFACE)
target_compile_options(hylo_warnings INTERFACE -Wall -Wextra -Wno-missing-field-initializers
                       -Wno-restrict)  # false positives of GCC 12 in std::string (GCC bug 105651)
if(HYLO_WARNINGS_AS_ERRORS)
  target_compile_options(hylo_warnings INTERFACE -Werror)
endif()

# A finding ends the program: undefined behaviour would otherwise be a line in a green test.
if(HYLO_SANITIZE)
  add_compile_options(-fsanitize=${HYLO_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${HYLO_SANITIZE})
endif()
