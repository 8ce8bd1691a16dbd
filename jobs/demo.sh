#!/bin/bash
# Set-up, then the main job on the embedded model with two ranks. Words after it go to `tradeoff run`:
#   jobs/demo.sh --overwrite
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
jobs/setup.sh

# Root may run mpirun only on its word; containers forbid the copy between processes that Open MPI would like.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 OMPI_MCA_btl_vader_single_copy_mechanism=none
# A machine that is gone is noticed within 20 s; by Open MPI's own settings it takes 8 minutes.
export OMPI_MCA_oob_tcp_keepalive_time=5 OMPI_MCA_oob_tcp_keepalive_intvl=5 OMPI_MCA_oob_tcp_keepalive_probes=3
# Two ranks on one core are allowed, and none is tied to a core: each uses its share of the machine as threads.
code=0
SECONDS=0
jobs/as_owner.sh mpirun -np 2 --oversubscribe --bind-to none \
  build/release/tradeoff run jobs/demo.ini --output-dir results/demo "$@" || code=$?
if [ "$code" = 0 ]; then
  printf '\nThe job took %d s. Results: results/demo (report.html, report.md, predictions.h5)\n' "$SECONDS"
elif [ "$code" = 85 ]; then
  printf '\nStopped and saved after %d s; jobs/demo.sh goes on from there.\n' "$SECONDS" >&2
else
  printf '\nThe job failed with exit code %d; what stands above tells why.\n' "$code" >&2
fi
exit "$code"
