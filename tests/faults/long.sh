#!/usr/bin/env bash
# The long form of the fault tests: every call, each fault; about an hour.
# usage: tests/faults/long.sh [BUILD_FOLDER]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${1:-$root/build/release}
python=${PYTORCH_PYTHON:-$root/.venv/bin/python}
model=$root/models/smollm2-135m-instruct
"$python" "$root/tests/faults/nth_call.py" "$build/tradeoff" "$build/libfail_nth.so" "$model" "$root/jobs/data"
"$python" "$root/tests/study/kill_test.py" "$root" "$build/tradeoff" "$model" 200
