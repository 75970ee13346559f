#!/usr/bin/env bash
# Installs the Debian packages of apt-packages.txt that are missing. Exits 2, with the command to type,
# where it may not. Without apt it names the packages and leaves the verdict to CMake.
set -euo pipefail
list=$HYLO_ROOT/harness/setup/apt-packages.txt
log=$HYLO_ROOT/build/log/packages.log
stamp=$HYLO_ROOT/build/packages-$(sha256sum <"$list" | cut -c1-16).stamp
[[ -e $stamp ]] && exit 0

mapfile -t wanted < <(grep -v '^#' "$list")

if ! command -v apt-get >/dev/null; then
  echo "hylo: no apt-get here; these must be installed by other means (Debian's names): ${wanted[*]}" >&2
  touch "$stamp"
  exit 0
fi

installed=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)
missing=()
for package in "${wanted[@]}"; do
  grep -qx "installed $package" <<<"$installed" || missing+=("$package")
done

if ((${#missing[@]})); then
  as_root=()
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
      echo "hylo: missing packages, and no right to install them. Please run this, then come back:" >&2
      echo "  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing[*]}" >&2
      exit 2
    fi
    as_root=(sudo -n)
  fi
  echo "hylo: installing ${#missing[@]} packages: ${missing[*]}" >&2
  apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3)
  # An update that fails is no end: the lists that are there may serve.
  "${apt[@]}" update >"$log" 2>&1 || echo "hylo: apt-get update failed; trying with the lists at hand" >&2
  if ! "${apt[@]}" install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    echo "hylo: apt-get could not install the packages; the whole text is in $log" >&2
    exit 2
  fi
fi
rm -f "$HYLO_ROOT"/build/packages-*.stamp
touch "$stamp"
