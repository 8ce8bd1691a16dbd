#!/usr/bin/env bash
# The long form of the fault tests: every call, each fault; 200 kills; 100 lost ranks; 60 ends of memory; every hostile file;
# 2,000 changed ones. JOBS=14 runs so many tiny studies at a time.
# usage: tests/faults/long.sh [BUILD_FOLDER] [KILLS] [TRIALS]
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${1:-$root/build/release}
kills=${2:-200}
trials=${3:-100}
python=${PYTORCH_PYTHON:-$root/.venv/bin/python}
model=$root/models/smollm2-135m-instruct
given=("$build/tradeoff" "$build/libfail_nth.so" "$model" "$root/jobs/data")
"$python" "$root/tests/faults/kill_loops.py" "${given[@]}" --kills "$kills" --seed 1 --jobs "${JOBS:-1}"
"$python" "$root/tests/faults/lost_ranks.py" "${given[@]}" --trials "$trials" --seed 1 --jobs "${JOBS:-1}"
"$python" "$root/tests/faults/lost_ranks.py" "${given[@]}" --trials 6 --default-limits
"$python" "$root/tests/faults/nth_call.py" "$build/tradeoff" "$build/libfail_nth.so" "$root/jobs/data" --jobs "${JOBS:-1}"
"$python" "$root/tests/faults/memory.py" "${given[@]}" --trials 60
"$python" "$root/tests/faults/hostile.py" "$build/tradeoff" "$root/jobs/data"
"$python" "$root/tests/faults/mutator.py" "$build/tradeoff" "$root/jobs/data" --each 40 --replace --seed "${SEED:-1}"
