#!/usr/bin/env bash
# Runs the launcher's steps in a folder of their own with mock tools before the real ones, and looks at
# what they install and how often. Ends with 1 at the first thing that is not as it should be.
set -euo pipefail
repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset CMAKE_PREFIX_PATH LIBTORCH_ROOT HYLO_VENV

fail() {
  echo "FAILED: $1" >&2
  cat "$work/output" >&2
  exit 1
}

# A fresh root: the real scripts and lists, an empty build folder.
fresh_root() {
  export HYLO_ROOT=$work/$1
  mkdir -p "$HYLO_ROOT/harness" "$HYLO_ROOT/build/log"
  ln -s "$repository/harness/setup" "$HYLO_ROOT/harness/setup"
  : >"$work/calls"
  rm -f "$work/failures"
}

# expect STATUS COMMAND...: standard output and error go to $work/output.
expect() {
  local wanted=$1 found=0
  shift
  "$@" >"$work/output" 2>&1 || found=$?
  ((found == wanted)) || fail "'$*' ended with $found, expected $wanted"
}

says() { grep -qF -- "$1" "$work/output" || fail "expected the text '$1'"; }
calls() { grep -c "$1" "$work/calls" || true; }
called() { [[ $(calls "$2") == "$1" ]] || fail "expected $1 calls of '$2', found $(calls "$2")"; }

# Mock tools write their arguments to $work/calls. As long as $work/failures holds a number above 0,
# an installation fails and counts it down.
export work
mkdir "$work/bin"
cat >"$work/bin/mock_install" <<'MOCK'
left=$(cat "$work/failures" 2>/dev/null || echo 0)
if ((left > 0)); then echo $((left - 1)) >"$work/failures"; echo "no network"; exit 1; fi
MOCK
cat >"$work/bin/python3" <<'MOCK'
#!/usr/bin/env bash
echo "python $*" >>"$work/calls"
if [[ "$*" == "-m venv "* ]]; then
  mkdir -p "$3/bin" && cp "$work/bin/python3" "$3/bin/python"
elif [[ "$*" == "-m pip install "* ]]; then
  . "$work/bin/mock_install"
  folder=$(dirname "$0")/../lib/python3.11/site-packages/torch/lib
  mkdir -p "$folder" && touch "$folder/libtorch_cpu.so"
fi
MOCK
cat >"$work/bin/apt-get" <<'MOCK'
#!/usr/bin/env bash
echo "apt-get $*" >>"$work/calls"
if [[ "$*" == *" install "* ]]; then . "$work/bin/mock_install"; fi
MOCK
cat >"$work/bin/dpkg-query" <<'MOCK'
#!/usr/bin/env bash
for package in "${@:3}"; do [[ $package == mold ]] || echo "installed $package"; done
MOCK
printf '#!/bin/sh\n' >"$work/bin/sleep"
printf '#!/bin/sh\nshift\nexec "$@"\n' >"$work/bin/sudo" # sudo -n COMMAND, for who is not root
chmod +x "$work"/bin/*
export PATH=$work/bin:$PATH
libtorch=$repository/harness/setup/libtorch.sh
packages=$repository/harness/setup/packages.sh

fresh_root named
mkdir -p "$work/own/torch/lib" "$work/own/torch/share/cmake"
touch "$work/own/torch/lib/libtorch_cpu.so"
LIBTORCH_ROOT=$work/own/torch expect 0 "$libtorch"
says "$work/own/torch"
CMAKE_PREFIX_PATH=/nowhere:$work/own/torch/share/cmake expect 0 "$libtorch"
says "$work/own/torch"
LIBTORCH_ROOT=$work/bin expect 2 "$libtorch"
says "no lib/libtorch_cpu.so in it"
called 0 python
echo "ok: a LibTorch that was named is taken and nothing is installed"

fresh_root installed
expect 0 "$libtorch"
says "LIBTORCH_ROOT=DIR"
says "$HYLO_ROOT/build/venv/lib/python3.11/site-packages/torch"
called 1 "pip install.*torch==2.13.0"
expect 0 "$libtorch"
called 1 "pip install"
echo "ok: the second run installs nothing"

echo "installing" >"$HYLO_ROOT/build/venv/.hylo-state"
touch "$HYLO_ROOT/build/venv/half"
expect 0 "$libtorch"
says "unfinished"
called 2 "pip install"
[[ ! -e $HYLO_ROOT/build/venv/half ]] || fail "half of an installation was kept"
echo "ok: half of an installation is made anew"

fresh_root unsteady
echo 1 >"$work/failures"
expect 0 "$libtorch"
called 2 "pip install"
fresh_root offline
echo 2 >"$work/failures"
expect 2 "$libtorch"
says "PIP_INDEX_URL"
says "no network"
called 2 "pip install"
expect 0 "$libtorch"
called 3 "pip install"
echo "ok: a network that fails is tried twice, then again at the next run"

fresh_root foreign
mkdir "$work/somebodys" && touch "$work/somebodys/precious"
HYLO_VENV=$work/somebodys expect 2 "$libtorch"
says "was not made by hylo"
[[ -e $work/somebodys/precious ]] || fail "an environment of somebody's own was changed"
HYLO_VENV=$work/to-be-made expect 0 "$libtorch"
says "$work/to-be-made/lib/python3.11"
echo "ok: an environment of somebody's own is not touched"

fresh_root packages
expect 0 "$packages"
called 1 "apt-get.* update"
called 1 "apt-get.* install -y --no-install-recommends mold$"
expect 0 "$packages"
called 2 "apt-get"
echo "ok: what is missing is installed once"

fresh_root packages-offline
echo 1 >"$work/failures"
expect 2 "$packages"
says "could not install"
expect 0 "$packages"
called 2 "apt-get.* install"
echo "ok: a failed installation of packages is not taken for done"
