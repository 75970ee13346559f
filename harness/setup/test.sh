#!/usr/bin/env bash
# Runs the tests of build/release; arguments go to ctest.
set -euo pipefail
venv=${HYLO_VENV:-$HYLO_ROOT/build/venv}
log=$HYLO_ROOT/build/log/python-test-packages.log
list=$HYLO_ROOT/harness/setup/python-test-packages.txt
stamp=$venv/.hylo-test-packages-$(sha256sum <"$list" | cut -c1-16)

# Some tests are Python and skip without their packages, so failing here is a line, not an end. An
# environment that is not ours is not touched.
if [[ -z ${HYLO_PYTHON-} && -e $venv/.hylo-state ]]; then
  if [[ ! -e $stamp ]]; then
    echo "hylo: installing the Python packages of the tests" >&2
    if "$venv/bin/python" -m pip install --disable-pip-version-check --no-input --retries 1 \
      -r "$list" >"$log" 2>&1; then
      touch "$stamp"
    else
      echo "hylo: they could not be installed (see $log); the tests that need them will skip" >&2
    fi
  fi
  if [[ -e $stamp ]]; then export HYLO_PYTHON=$venv/bin/python; fi
fi

exec ctest --test-dir "$HYLO_ROOT/build/release" -L 'fast|program|goldens' --output-on-failure --no-tests=error -j2 "$@"
