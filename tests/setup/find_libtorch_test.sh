#!/usr/bin/env bash
# Configures a small project against folders that look like LibTorch: headers and shared libraries
# without content. Ends with 1 at the first thing that is not as it should be.
# Environment: CMAKE and CXX, the programs to use.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cmake=${CMAKE:-cmake}
cxx=${CXX:-c++}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset CMAKE_PREFIX_PATH LIBTORCH_ROOT

# mock_library FOLDER NAME [SOURCE]
mock_library() {
  "$cxx" -shared -fPIC "-Wl,-soname,lib$2.so" -o "$1/lib/lib$2.so" -x c++ - <<<"${3-}"
}

# mock_torch FOLDER VERSION_HEADER MAJOR MINOR LIBRARIES...
mock_torch() {
  local folder=$1 header=$2 major=$3 minor=$4 library
  shift 4
  mkdir -p "$folder/lib" "$folder/share/cmake" "$folder/include/ATen/core" \
    "$folder/include/torch/csrc/api/include/torch" "$folder/include/torch/headeronly"
  echo "inline constexpr int mock_tensor_header = 0;" >"$folder/include/ATen/core/Tensor.h"
  touch "$folder/include/torch/csrc/api/include/torch/torch.h"
  printf '#define TORCH_VERSION_MAJOR %s\n#define TORCH_VERSION_MINOR %s\n' "$major" "$minor" \
    >"$folder/include/torch/$header"
  for library in "$@"; do mock_library "$folder" "$library"; done
}

fail() {
  echo "FAILED: $1" >&2
  [[ -e $work/output ]] && cat "$work/output" >&2
  exit 1
}

# configure NAME ARGUMENTS...; the environment may be set before the call.
configure() {
  local name=$1
  shift
  "$cmake" -G Ninja -S "$here/find_libtorch" -B "$work/build-$name" -DCMAKE_CXX_COMPILER="$cxx" \
    -DCMAKE_EXE_LINKER_FLAGS=-Wl,--as-needed "$@" >"$work/output" 2>&1
}

# accepts NAME TEXT ARGUMENTS...: the project configures, builds and runs, and its output has TEXT.
accepts() {
  local name=$1 text=$2
  shift 2
  configure "$name" "$@" || fail "$name: the configuration was refused"
  grep -qF -- "$text" "$work/output" || fail "$name: expected '$text'"
  "$cmake" --build "$work/build-$name" >"$work/output" 2>&1 || fail "$name: the build failed"
  "$work/build-$name/uses_libtorch" >"$work/output" 2>&1 || fail "$name: the program does not run"
  echo "ok: $name"
}

# refuses NAME TEXT ARGUMENTS...: the configuration ends with an error that has TEXT.
refuses() {
  local name=$1 text=$2
  shift 2
  if configure "$name" "$@"; then fail "$name: the configuration was accepted"; fi
  # CMake breaks long messages into lines.
  tr -s ' \n' ' ' <"$work/output" | grep -qF -- "$text" || fail "$name: expected '$text'"
  echo "ok: $name"
}

needs() { readelf -d "$work/build-$1/uses_libtorch" | grep -q "NEEDED.*$2"; }

current=headeronly/version.h
before_2_10=csrc/api/include/torch/version.h
cpu=$work/cpu/torch
cuda=$work/cuda/torch
mock_torch "$cpu" $current 2 13 c10 torch_cpu torch
mock_torch "$cuda" $current 2 11 c10 torch_cpu torch c10_cuda
# Like the real one it leans on a toolkit that is not here.
mock_library "$cuda" torch_cuda 'extern "C" void cudaOfNobody(); void use() { cudaOfNobody(); }'

accepts cpu "root=$cpu version=2.13 flavor=cpu" "-DLIBTORCH_ROOT=$cpu"
needs cpu libtorch_cuda && fail "the CPU flavour must not need libtorch_cuda"

accepts cuda "root=$cuda version=2.11 flavor=cuda" "-DLIBTORCH_ROOT=$cuda"
needs cuda libtorch_cuda.so || fail "the CUDA flavour must keep libtorch_cuda, which no symbol asks for"
needs cuda libtorch_cpu.so && fail "--no-as-needed must end after the GPU libraries"

accepts cuda "root=$cpu version=2.13 flavor=cpu" "-DLIBTORCH_ROOT=$cpu"
needs cuda libtorch_cuda && fail "a build folder that changes to another root must leave the first behind"

found="root=$cuda version=2.11 flavor=cuda"
accepts variable-folder "$found" "-DCMAKE_PREFIX_PATH=/nowhere;$cuda"
accepts variable-cmake-folder "$found" "-DCMAKE_PREFIX_PATH=$cuda/share/cmake"
CMAKE_PREFIX_PATH=/nowhere:$cuda accepts environment-folder "$found"
CMAKE_PREFIX_PATH=$cuda/share/cmake accepts environment-cmake-folder "$found"
LIBTORCH_ROOT=$cuda accepts environment-root "$found"
CMAKE_PREFIX_PATH=$cpu accepts root-before-prefix "$found" "-DLIBTORCH_ROOT=$cuda"

wanted="needs LibTorch 2.11 or later"
mock_torch "$work/2.10" $current 2 10 c10 torch_cpu torch
mock_torch "$work/2.4" $before_2_10 2 4 c10 torch_cpu torch
mkdir "$work/empty"
refuses version-2.10 "$wanted (found '2.10' in '$work/2.10')" "-DLIBTORCH_ROOT=$work/2.10"
refuses version-2.4 "$wanted (found '2.4' in '$work/2.4')" "-DLIBTORCH_ROOT=$work/2.4"
refuses empty-folder "$wanted (found '' in '$work/empty')" "-DLIBTORCH_ROOT=$work/empty"
refuses advice "or name an unpacked libtorch" "-DLIBTORCH_ROOT=$work/empty"
