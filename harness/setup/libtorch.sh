#!/usr/bin/env bash
# Prints the folder of the LibTorch to build with: the one that LIBTORCH_ROOT or CMAKE_PREFIX_PATH
# names, else the torch package of a virtual environment that is made here.
set -euo pipefail
venv=${HYLO_VENV:-$HYLO_ROOT/build/venv}
log=$HYLO_ROOT/build/log/libtorch.log
wanted=$(grep -v '^#' "$HYLO_ROOT/harness/setup/python-packages.txt")
# Says that the folder was made here and whether it is finished; a folder without it is somebody's own.
state=$venv/.hylo-state

# The same places as FindLibTorch.cmake looks at.
torch_in() {
  local candidate
  for candidate in "$1" "$1/../.." "$1/torch"; do
    if [[ -e $candidate/lib/libtorch_cpu.so ]]; then
      (cd "$candidate" && pwd)
      return 0
    fi
  done
  return 1
}

named_by_the_user() {
  local path
  if [[ -n ${LIBTORCH_ROOT-} ]]; then
    torch_in "$LIBTORCH_ROOT" && return 0
    echo "hylo: LIBTORCH_ROOT is '$LIBTORCH_ROOT', but there is no lib/libtorch_cpu.so in it; name an" \
      "unpacked libtorch or the torch folder of a Python's site-packages, or unset it" >&2
    exit 2
  fi
  while IFS= read -r -d : path; do
    [[ -n $path ]] && torch_in "$path" && return 0
  done <<<"${CMAKE_PREFIX_PATH-}:"
  return 1
}

torch_of_venv() {
  local folder
  for folder in "$venv"/lib/python3*/site-packages/torch; do
    torch_in "$folder" && return 0
  done
  return 1
}

how_to_use_ones_own() {
  echo "      To use a LibTorch that is there already: LIBTORCH_ROOT=DIR harness/hylo ..., where DIR is" >&2
  echo "      an unpacked libtorch or the torch folder of any Python's site-packages (2.11 or later)." >&2
}

install() {
  rm -rf "$venv"
  mkdir -p "$venv"
  echo "installing" >"$state"
  python3 -m venv "$venv" >>"$log" 2>&1 || return 1
  # shellcheck disable=SC2086
  "$venv/bin/python" -m pip install --disable-pip-version-check --no-input $wanted >>"$log" 2>&1
}

if [[ -n ${LIBTORCH_ROOT-}${CMAKE_PREFIX_PATH-} ]] && named_by_the_user; then
  exit 0
fi
[[ $(cat "$state" 2>/dev/null) == "complete: $wanted" ]] && torch_of_venv && exit 0

if [[ -d $venv && ! -e $state && -n $(ls -A "$venv") ]]; then
  torch_of_venv && exit 0  # An environment of the user's own with torch in it.
  echo "hylo: HYLO_VENV names '$venv', which was not made by hylo and holds no torch; run" >&2
  echo "  $venv/bin/python -m pip install $wanted" >&2
  echo "or let HYLO_VENV name a folder that does not exist yet" >&2
  exit 2
fi

[[ -e $state ]] && echo "hylo: the environment in $venv is unfinished or of another version; made anew" >&2
echo "hylo: installing LibTorch ($wanted) into $venv; the wheel is 0.2 to 2 GB" >&2
how_to_use_ones_own
: >"$log"
if ! install; then
  echo "hylo: the installation failed; trying once more" >&2
  sleep 5
  if ! install; then
    tail -n 15 "$log" >&2
    echo "hylo: pip could not install $wanted; the whole text is in $log. pip reads PIP_INDEX_URL and" \
      "PIP_EXTRA_INDEX_URL for other sources" >&2
    how_to_use_ones_own
    exit 2
  fi
fi
if ! folder=$(torch_of_venv); then
  echo "hylo: $wanted was installed into $venv, but holds no lib/libtorch_cpu.so; see $log" >&2
  how_to_use_ones_own
  exit 2
fi
echo "complete: $wanted" >"$state.part"
mv "$state.part" "$state"
echo "$folder"
