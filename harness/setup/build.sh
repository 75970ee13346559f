#!/usr/bin/env bash
# build.sh LIBTORCH TARGET: configures where that is needed and builds. A line of progress on the
# terminal; the whole text goes to build/log/build.log, and its end is shown when something fails.
set -euo pipefail
libtorch=$1
target=$2
build=$HYLO_ROOT/build/release
log=$HYLO_ROOT/build/log/build.log
stamp=$build/configured-with

give_up() {
  tail -n 40 "$log" >&2
  echo "hylo: $1; the whole text is in $log" >&2
  exit 2
}

# As many compilers as there are cores, but 1.5 GiB of memory for each.
num_jobs() {
  local cores memory_kib by_memory
  cores=$(nproc)
  memory_kib=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)
  by_memory=$((${memory_kib:-0} / 1572864))
  echo $((by_memory < 1 ? 1 : by_memory < cores ? by_memory : cores))
}

# Ninja's lines "[12/300] ...": rewritten in place on a terminal, else every tenth part.
progress() {
  local line step total printed=0
  while IFS= read -r line; do
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
    step=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}
    if [[ -t 2 ]]; then
      printf '\r\033[Khylo: building %s' "${line:0:${COLUMNS:-80}-16}" >&2
    elif ((step * 10 / total > printed)); then
      printed=$((step * 10 / total))
      echo "hylo: building, $step of $total" >&2
    fi
  done
  if [[ -t 2 ]]; then printf '\r\033[K' >&2; fi
}

if [[ ! -e $build/build.ninja || $(cat "$stamp" 2>/dev/null) != "$libtorch" ]]; then
  echo "hylo: configuring with the LibTorch in $libtorch" >&2
  # A cached place of another LibTorch would be mixed with the new one.
  (cd "$HYLO_ROOT" && cmake --preset release "-ULIBTORCH_*" "-DLIBTORCH_ROOT=$libtorch") >"$log" 2>&1 ||
    give_up "the configuration failed"
  echo "$libtorch" >"$stamp"
fi
ninja -C "$build" -j "${HYLO_JOBS:-$(num_jobs)}" "$target" 2>&1 | tee "$log" | progress ||
  give_up "the build failed"
