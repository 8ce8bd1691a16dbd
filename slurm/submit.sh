#!/bin/bash
# Submits a study to Slurm: an array with one element for each cell (arm x seed), then a job that gathers and reports.
#   slurm/submit.sh JOB.ini [--output-dir DIR] [--whole] [--dry-run] [words for `tradeoff run`]
# --whole    one job for the whole study instead of an array
# --dry-run  prints what would be submitted, and submits nothing
# What the cluster is stands in slurm/site.sh. Without Slurm it says what to run instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. slurm/site.sh

die() { echo "slurm/submit.sh: $*" >&2 && exit "${code:-1}"; }
usage() { sed -n '2,6s/^# \{0,1\}//p' slurm/submit.sh; }

job="" output="" whole=no dry=no words=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --dry-run) dry=yes ;;
    --whole) whole=yes ;;
    --output-dir | --output_dir) [ $# -gt 1 ] || code=2 die "$1 needs a folder"; output=$2 && shift ;;
    --output-dir=* | --output_dir=*) output=${1#*=} ;;
    *.ini) if [ -z "$job" ]; then job=$1; else words+=("$1"); fi ;;
    *) words+=("$1") ;;
  esac
  shift
done
[ -n "$job" ] || code=2 die "no job file; $(usage)"
[ -f "$job" ] || die "$job: no such file"
name=$(basename "$job" .ini)
output=${output:-results/$name}
program=${TRADEOFF_PROGRAM:-build/release/tradeoff}
[ -x "$program" ] || die "$program is not built; jobs/setup.sh builds it"

# 1. The cells. Listing them needs no GPU and no ranks.
cells=$("$program" run "$job" --output-dir "$output" ${words[@]+"${words[@]}"} --list-cells --quiet) ||
  die "the cells of $job cannot be listed; what stands above tells why"
count=$(grep -c . <<<"$cells") || die "$job has no cells"

# 2. Minutes of a cell: twice the longest that a ledger in the folder tells, half as many again for loading; else the
#    site's.
minutes=$SITE_CELL_TIME basis="SITE_CELL_TIME"
if [ -s "$output/ledger.jsonl" ]; then
  minutes=$(awk -v ranks="$SITE_RANKS" '
    function value(key, line) {
      if (!match($0, "\"" key "\":[^,}]*")) return ""
      line = substr($0, RSTART + length(key) + 3, RLENGTH - length(key) - 3)
      gsub(/"/, "", line)
      return line
    }
    { total[value("arm") " " value("seed")] += value("seconds") * value("ranks") / ranks }
    END { for (cell in total) if (total[cell] > most) most = total[cell]; print int(most / 60 * 2 * 1.5) + 5 }' "$output/ledger.jsonl")
  basis="$output/ledger.jsonl"
fi
[ "$whole" = no ] || minutes=$((minutes * count))

# 3. What sbatch is told.
gpus=$((SITE_RANKS * SITE_GPUS_PER_RANK))
common=(--parsable --export=ALL --nodes="$SITE_NODES" --ntasks="$SITE_RANKS" --cpus-per-task="$SITE_CPUS_PER_RANK"
  --signal="B:USR2@$SITE_GRACE")
[ "$gpus" = 0 ] || common+=(--gpus="$gpus")
[ -z "$SITE_PARTITION" ] || common+=(--partition="$SITE_PARTITION")
[ -z "$SITE_ACCOUNT" ] || common+=(--account="$SITE_ACCOUNT")
[ -z "$SITE_MEMORY_PER_CPU" ] || common+=(--mem-per-cpu="$SITE_MEMORY_PER_CPU")
# shellcheck disable=SC2206  # words, on purpose
common+=($SITE_EXTRA)
run=("$job" --output-dir "$output" ${words[@]+"${words[@]}"})
array=(sbatch "${common[@]}" --time="$minutes" --array="0-$((count - 1))%$SITE_PARALLEL_CELLS"
  --job-name="$name-cells" --output="$SITE_LOGS/%x-%A_%a.log" slurm/replicate.sbatch "${run[@]}")
reduce=(sbatch "${common[@]}" --time="$SITE_REDUCE_TIME" --job-name="$name-reduce" --output="$SITE_LOGS/%x-%j.log"
  --kill-on-invalid-dep=yes)
single=(sbatch "${common[@]}" --time="$minutes" --job-name="$name" --output="$SITE_LOGS/%x-%j.log" slurm/eval.sbatch
  "${run[@]}")

echo "Study $job -> $output: $count cells"
sed 's/^/  /' <<<"$cells"
if [ "$whole" = yes ]; then
  echo "One job for all of them: $SITE_RANKS ranks, $gpus GPUs, $minutes minutes ($basis x $count cells)"
else
  echo "An array of $count elements, at most $SITE_PARALLEL_CELLS at a time, each with $SITE_RANKS ranks, $gpus GPUs, $minutes minutes ($basis)"
  echo "Then a job that gathers and reports, $SITE_REDUCE_TIME minutes"
fi
if ! command -v sbatch >/dev/null; then
  local_run="mpirun -np $SITE_RANKS --bind-to none $program run ${run[*]}"
  [ "$SITE_RANKS" != 1 ] || local_run="$program run ${run[*]}"
  echo "There is no Slurm here (no sbatch). The same study without it, with equal results:"
  echo "  $local_run"
  [ "$dry" = yes ] || exit 1
  exit 0
fi

show() { printf '  '; printf '%q ' "$@"; printf '\n'; }
export TRADEOFF_ROOT=$PWD
if [ "$whole" = yes ]; then
  show "${single[@]}"
  [ "$dry" = no ] || exit 0
  mkdir -p "$SITE_LOGS"
  echo "Submitted job $("${single[@]}"); logs in $SITE_LOGS"
  exit 0
fi
show "${array[@]}"
if [ "$dry" = yes ]; then
  show "${reduce[@]}" --dependency=afterok:ARRAY_JOB slurm/eval.sbatch "${run[@]}"
  exit 0
fi
mkdir -p "$SITE_LOGS"
first=$("${array[@]}")
show "${reduce[@]}" --dependency="afterok:$first" slurm/eval.sbatch "${run[@]}"
second=$("${reduce[@]}" --dependency="afterok:$first" slurm/eval.sbatch "${run[@]}")
echo "Submitted array $first, then job $second; logs in $SITE_LOGS"
