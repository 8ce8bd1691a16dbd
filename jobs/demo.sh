#!/bin/bash
# Set-up, then the main job on the embedded model with two ranks. Words after it go to `tradeoff run`:
#   jobs/demo.sh --overwrite
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
jobs/setup.sh

code=0
SECONDS=0
jobs/as_owner.sh build/release/tradeoff run jobs/demo.ini --ranks 2 --output-dir results/demo "$@" || code=$?
if [ "$code" = 0 ]; then
  printf '\nThe job took %d s.\n' "$SECONDS"
elif [ "$code" = 85 ]; then
  printf '\nStopped and saved after %d s; jobs/demo.sh goes on from there.\n' "$SECONDS" >&2
else
  printf '\nThe job failed with exit code %d; what stands above tells why.\n' "$code" >&2
fi
exit "$code"
