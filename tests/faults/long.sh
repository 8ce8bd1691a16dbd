#!/usr/bin/env bash
# The long form of the fault tests: every call, each fault; every hostile file; 2,000 changed ones; about two hours.
# usage: tests/faults/long.sh [BUILD_FOLDER]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${1:-$root/build/release}
python=${PYTORCH_PYTHON:-$root/.venv/bin/python}
model=$root/models/smollm2-135m-instruct
"$python" "$root/tests/faults/nth_call.py" "$build/tradeoff" "$build/libfail_nth.so" "$model" "$root/jobs/data"
"$python" "$root/tests/study/kill_test.py" "$root" "$build/tradeoff" "$model" 200
"$python" "$root/tests/faults/hostile.py" "$build/tradeoff" "$root/jobs/data"
"$python" "$root/tests/faults/mutator.py" "$build/tradeoff" "$root/jobs/data" --each 40 --replace --seed "${SEED:-1}"
