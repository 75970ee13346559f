# FindLibTorch: the imported target LibTorch::LibTorch without find_package(Torch), which asks for a
# CUDA toolkit as soon as the library was built for CUDA.
#
# Looked for in this order: LIBTORCH_ROOT, then CMAKE_PREFIX_PATH, each as variable or environment (a
# libtorch folder, or what `torch.utils.cmake_prefix_path` prints); the torch package of a python3; the
# system.
# The root, once found, stays in the cache; everything else is looked up anew from it, so that another
# root given later leaves nothing of the first behind.
# Sets LibTorch_FOUND, LIBTORCH_ROOT, LIBTORCH_VERSION, LIBTORCH_FLAVOR (cpu, cuda or rocm).
function(_hylo_torch_root_of path out)
  foreach(candidate ${path} ${path}/../.. ${path}/torch)
    if(EXISTS ${candidate}/lib/libtorch_cpu.so)
      get_filename_component(candidate ${candidate} ABSOLUTE)
      set(${out} ${candidate} PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

if(NOT LIBTORCH_ROOT AND DEFINED ENV{LIBTORCH_ROOT})
  set(LIBTORCH_ROOT $ENV{LIBTORCH_ROOT})
endif()
if(NOT LIBTORCH_ROOT)
  string(REPLACE ":" ";" _environment_paths "$ENV{CMAKE_PREFIX_PATH}")
  foreach(_path ${CMAKE_PREFIX_PATH} ${_environment_paths})
    if(NOT LIBTORCH_ROOT)
      _hylo_torch_root_of(${_path} LIBTORCH_ROOT)
    endif()
  endforeach()
endif()
if(NOT LIBTORCH_ROOT)
  find_program(_hylo_python3 python3)
  if(_hylo_python3)
    execute_process(
      COMMAND ${_hylo_python3} -c
              "import os, importlib.util as u; print(os.path.dirname(u.find_spec('torch').origin))"
      OUTPUT_VARIABLE _python_torch OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET
      RESULT_VARIABLE _python_failed)
    if(_python_failed EQUAL 0)
      set(LIBTORCH_ROOT ${_python_torch})
    endif()
  endif()
endif()

set(LIBTORCH_ROOT "${LIBTORCH_ROOT}" CACHE PATH "Folder of LibTorch: the one with include/ and lib/")

# A root that was named is the only place looked at: a mixture of two LibTorch would link and crash.
if(LIBTORCH_ROOT)
  set(_where PATHS ${LIBTORCH_ROOT} NO_DEFAULT_PATH)
endif()
find_path(LIBTORCH_INCLUDE_DIR ATen/core/Tensor.h ${_where} PATH_SUFFIXES include NO_CACHE)
find_path(LIBTORCH_API_INCLUDE_DIR torch/torch.h HINTS ${LIBTORCH_INCLUDE_DIR}/torch/csrc/api/include
          NO_DEFAULT_PATH NO_CACHE)
foreach(_library c10 torch_cpu torch c10_cuda torch_cuda c10_hip torch_hip)
  find_library(LIBTORCH_${_library} ${_library} ${_where} PATH_SUFFIXES lib NO_CACHE)
endforeach()

set(LIBTORCH_FLAVOR cpu)
if(LIBTORCH_torch_cuda)
  set(LIBTORCH_FLAVOR cuda)
elseif(LIBTORCH_torch_hip)
  set(LIBTORCH_FLAVOR rocm)
endif()

if(LIBTORCH_INCLUDE_DIR)
  # From 2.10 on the numbers are in headeronly/.
  foreach(_header ${LIBTORCH_INCLUDE_DIR}/torch/headeronly/version.h
                  ${LIBTORCH_API_INCLUDE_DIR}/torch/version.h)
    if(NOT LIBTORCH_VERSION AND EXISTS ${_header})
      file(READ ${_header} _text)
      if(_text MATCHES "TORCH_VERSION_MAJOR ([0-9]+)")
        set(LIBTORCH_VERSION ${CMAKE_MATCH_1})
        if(_text MATCHES "TORCH_VERSION_MINOR ([0-9]+)")
          string(APPEND LIBTORCH_VERSION .${CMAKE_MATCH_1})
        endif()
      endif()
    endif()
  endforeach()
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  LibTorch
  REQUIRED_VARS LIBTORCH_torch_cpu LIBTORCH_c10 LIBTORCH_INCLUDE_DIR LIBTORCH_API_INCLUDE_DIR
  VERSION_VAR LIBTORCH_VERSION
  REASON_FAILURE_MESSAGE
    "hylo needs LibTorch 2.11 or later (found '${LIBTORCH_VERSION}' in '${LIBTORCH_ROOT}'). Run `pip install torch==2.13.0` in the python3 that CMake sees, or name an unpacked libtorch, or the torch folder of any Python's site-packages, with -DLIBTORCH_ROOT=DIR")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::LibTorch INTERFACE IMPORTED)
  target_include_directories(LibTorch::LibTorch SYSTEM INTERFACE ${LIBTORCH_INCLUDE_DIR}
                                                                 ${LIBTORCH_API_INCLUDE_DIR})
  set(_libraries ${LIBTORCH_torch_cpu} ${LIBTORCH_c10})
  if(NOT LIBTORCH_FLAVOR STREQUAL cpu)
    # No symbol of the GPU library is named in our code; it registers itself when it is loaded.
    set(_gpu ${LIBTORCH_torch} ${LIBTORCH_torch_cuda} ${LIBTORCH_c10_cuda} ${LIBTORCH_torch_hip}
             ${LIBTORCH_c10_hip})
    list(FILTER _gpu EXCLUDE REGEX "NOTFOUND")
    list(PREPEND _libraries -Wl,--no-as-needed ${_gpu} -Wl,--as-needed -Wl,--allow-shlib-undefined)
    get_filename_component(_directory ${LIBTORCH_torch_cpu} DIRECTORY)
    target_link_directories(LibTorch::LibTorch INTERFACE ${_directory})
  endif()
  target_link_libraries(LibTorch::LibTorch INTERFACE ${_libraries})
endif()
