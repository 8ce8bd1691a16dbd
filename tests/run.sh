#!/bin/bash
# Set-up, then every test; the last line is ctest's summary. Words after it go to ctest:
#   tests/run.sh -L unit
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
jobs/setup.sh --tests

# Where there is no GPU or no CUDA in the build, the tests labelled gpu could only fail.
left_out=""
if ! grep -qx TRADEOFF_HAVE_CUDA:INTERNAL=ON build/release/CMakeCache.txt || ! compgen -G "/dev/nvidia[0-9]*" >/dev/null; then
  left_out=gpu
  echo "   The tests labelled gpu are left out: no NVIDIA GPU, or a build without CUDA."
fi
# Those on a Slurm, on several hosts and of an image take minutes: tests/run.sh -L slurm, -L nodes, -L container.
for label in slurm nodes container; do
  case " $* " in
    *$label*) ;;
    *) left_out=${left_out:+$left_out|}$label ;;
  esac
done
exclude=()
[ -z "$left_out" ] || exclude=(--label-exclude "$left_out")
ctest=$(command -v ctest || echo .venv/bin/ctest)
log=build/release/tests.log
code=0
jobs/as_owner.sh "$ctest" --test-dir build/release --output-on-failure --no-tests=error --parallel "$(nproc)" \
  "${exclude[@]}" "$@" 2>&1 | jobs/as_owner.sh tee "$log" || code=$?
grep -E '^[0-9]+% tests passed|^No tests were found' "$log" | tail -n 1
exit "$code"
