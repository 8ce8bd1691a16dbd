#!/bin/bash
# Submits a study to Slurm: arrays with one element for each cell (arm x seed), then a job that gathers and reports.
#   slurm/submit.sh JOB.ini [--output-dir DIR] [--whole] [--check] [--dry-run] [words for `tradeoff run`]
# --whole    one job for the whole study instead of arrays
# --check    first a job that looks at the cluster (`tradeoff doctor --site`) with a cell's layout; what fails stops it here
# --dry-run  prints what would be submitted, and submits nothing
# What the cluster is stands in slurm/site.sh. Without Slurm it says what to run instead.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. slurm/launch.sh
read_site || exit 2

die() { echo "slurm/submit.sh: $*" >&2 && exit "${code:-1}"; }
usage() { sed -n '2,7s/^# \{0,1\}//p' slurm/submit.sh; }

job="" output="" whole=no dry=no check=no words=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage && exit 0 ;;
    --dry-run) dry=yes ;;
    --whole) whole=yes ;;
    --check) check=yes ;;
    --output-dir | --output_dir) [ $# -gt 1 ] || code=2 die "$1 needs a folder"; output=$2 && shift ;;
    --output-dir=* | --output_dir=*) output=${1#*=} ;;
    *.ini) if [ -z "$job" ]; then job=$1; else words+=("$1"); fi ;;
    *) words+=("$1") ;;
  esac
  shift
done
[ -n "$job" ] || code=2 die "no job file; $(usage)"
[ -f "$job" ] || die "$job: no such file"
check_site || exit 2
load_modules || exit 2
name=$(basename "$job" .ini)
output=${output:-results/$name}
program_words
if ! command -v "${program[0]}" >/dev/null; then
  wanted="jobs/setup.sh builds build/release/tradeoff"
  [ -z "$SITE_CONTAINER" ] || wanted="SITE_CONTAINER=$SITE_CONTAINER needs it here, where the cells are listed, as well as in jobs"
  die "${program[0]} is not there; $wanted"
fi
run=("$job" --output-dir "$output" ${words[@]+"${words[@]}"})

# 1. The cells, and what they read. Listing needs no GPU and no ranks.
cells=$("${program[@]}" run "${run[@]}" --list-cells --quiet) || die "the cells of $job cannot be listed; what stands above tells why"
count=$(grep -c . <<<"$cells") || die "$job has no cells"
inputs=$("${program[@]}" run "${run[@]}" --list-inputs --quiet) || die "the inputs of $job cannot be listed; what stands above tells why"
while IFS=$'\t' read -r kind folder; do
  # An image may have folders of its own.
  [ -n "$SITE_CONTAINER" ] || [ -e "$folder" ] ||
    die "$kind $folder is not there (from $PWD); jobs/setup.sh --model makes some models, --model FOLDER names another"
done <<<"$inputs"
if [ -n "$SITE_STAGE" ]; then
  TRADEOFF_STAGED_MODEL=$(awk -F'\t' '$1 == "model" {print $2}' <<<"$inputs")
  export TRADEOFF_STAGED_MODEL
fi

# 2. Minutes of a cell: twice the longest that a ledger in the folder tells, half as many again for loading; else the
#    site's.
ranks=$((SITE_NODES * SITE_RANKS_PER_NODE)) gpus=$((SITE_NODES * SITE_GPUS_PER_NODE))
minutes=$SITE_CELL_TIME basis="SITE_CELL_TIME"
if [ -s "$output/ledger.jsonl" ]; then
  minutes=$(awk -v ranks="$ranks" '
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
# The time to save comes on top of what a ledger tells.
[ "$basis" = SITE_CELL_TIME ] || minutes=$((minutes + (SITE_GRACE + 59) / 60))

# 3. What sbatch is told of every job.
common=(--parsable --export=ALL --nodes="$SITE_NODES" --ntasks="$ranks" --ntasks-per-node="$SITE_RANKS_PER_NODE"
  --cpus-per-task="$SITE_CPUS_PER_RANK")
# shellcheck disable=SC2059  # the site's own format
[ "$gpus" = 0 ] || common+=("$(printf "$SITE_GPU_REQUEST" "$SITE_GPUS_PER_NODE")")
[ -z "$SITE_PARTITION" ] || common+=(--partition="$SITE_PARTITION")
[ -z "$SITE_ACCOUNT" ] || common+=(--account="$SITE_ACCOUNT")
[ -z "$SITE_QOS" ] || common+=(--qos="$SITE_QOS")
[ -z "$SITE_RESERVATION" ] || common+=(--reservation="$SITE_RESERVATION")
[ -z "$SITE_MEMORY_PER_CPU" ] || common+=(--mem-per-cpu="$SITE_MEMORY_PER_CPU")
[ "$SITE_CHAIN" = 1 ] || common+=(--no-requeue)
# shellcheck disable=SC2206  # words, on purpose
common+=($SITE_EXTRA)

# An array's highest index is MaxArraySize - 1.
largest=1001
if command -v scontrol >/dev/null; then
  largest=$(scontrol show config | awk '$1 == "MaxArraySize" {print $3}')
  largest=${largest:-1001}
fi

links=""
[ "$SITE_CHAIN" = 1 ] || links=", in a chain of $SITE_CHAIN jobs each"
shape="$ranks ranks ($SITE_NODES nodes x $SITE_RANKS_PER_NODE), $gpus GPUs, $minutes minutes"
echo "Study $job -> $output: $count cells"
sed 's/^/  /' <<<"$cells"
if [ "$whole" = yes ]; then
  echo "One job for all of them: $shape ($basis x $count cells)$links"
else
  echo "$(((count + largest - 1) / largest)) array(s) of $count elements in all, at most $SITE_PARALLEL_CELLS at a time, each with $shape ($basis)$links"
  echo "Then a job that gathers and reports, $SITE_REDUCE_TIME minutes"
fi
if ! command -v sbatch >/dev/null; then
  local_run="mpirun -np $ranks --bind-to none ${program[*]} run ${run[*]}"
  [ "$ranks" != 1 ] || local_run="${program[*]} run ${run[*]}"
  echo "There is no Slurm here (no sbatch). The same study without it, with equal results:"
  echo "  $local_run"
  [ "$dry" = yes ] || exit 1
  exit 0
fi

export TRADEOFF_ROOT=$PWD
show() { printf '  '; printf '%q ' "$@"; printf '\n'; }
# Submits, or with --dry-run shows, one job; sets `id`. submit VARIABLE=VALUE... -- WORDS...
number=0
submit() {
  local set=()
  while [ "$1" != -- ]; do set+=("$1") && shift; done
  shift
  show ${set[@]+"${set[@]}"} "$@"
  number=$((number + 1)) id=JOB$number
  [ "$dry" = yes ] || id=$(env ${set[@]+"${set[@]}"} "$@") || die "sbatch refused it; what stands above tells why"
}
# submitted WHAT ID...
submitted() {
  [ "$dry" = no ] || return 0
  echo "Submitted $1; logs in $SITE_LOGS; \`${program[*]} status $output --watch\` tells how far it is, \`scancel ${*:2}\` stops it"
}
[ "$dry" = yes ] || mkdir -p "$SITE_LOGS"

# 4. Before all else: is the cluster what site.sh says?
if [ "$check" = yes ]; then
  log=$SITE_LOGS/$name-check-$$.log
  sbatch_check=(sbatch "${common[@]}" --no-requeue --wait --time=5 --job-name="$name-check" --output="$log" slurm/check.sbatch
    --output-dir "$output")
  show "${sbatch_check[@]}"
  if [ "$dry" = no ]; then
    passed=yes
    "${sbatch_check[@]}" >/dev/null || passed=no
    [ ! -f "$log" ] || grep -E '^(ok  |FAIL|  +change:)' "$log" || cat "$log"
    [ "$passed" = yes ] || die "the check failed: nothing else was submitted (all of it: $log)"
  fi
fi

# 5. Jobs that have something to save are told when to; a check has nothing, and ends by a signal.
common+=(--signal="B:USR2@$SITE_GRACE")
# One link after the other; each array of a link waits for the one before, so that the throttle holds for all of them.
after="" ids=() all=()
for link in $(seq "$SITE_CHAIN"); do
  numbered=()
  [ "$SITE_CHAIN" = 1 ] || numbered=("TRADEOFF_LINK=$link" "TRADEOFF_OUTPUT=$output")
  if [ "$whole" = yes ]; then
    submit ${numbered[@]+"${numbered[@]}"} -- sbatch "${common[@]}" --time="$minutes" --job-name="$name" --output="$SITE_LOGS/%x-%j.log" \
      ${after:+--dependency=afterany:$after} slurm/eval.sbatch "${run[@]}"
    after=$id all+=("$id")
    continue
  fi
  ids=()
  for ((first = 0; first < count; first += largest)); do
    size=$((count - first < largest ? count - first : largest))
    submit ${numbered[@]+"${numbered[@]}"} "TRADEOFF_FIRST_CELL=$first" -- sbatch "${common[@]}" --time="$minutes" \
      --array="0-$((size - 1))%$SITE_PARALLEL_CELLS" --job-name="$name-cells" --output="$SITE_LOGS/%x-%A_%a.log" \
      ${after:+--dependency=afterany:$after} slurm/replicate.sbatch "${run[@]}"
    after=$id ids+=("$id") all+=("$id")
  done
done
if [ "$whole" = yes ]; then
  submitted "job ${all[*]}" "${all[@]}"
  exit 0
fi
waits=$(IFS=: && echo "${ids[*]}")
# The last one computes nothing and may therefore be run again, also where cells come in chains.
submit -- sbatch "${common[@]}" --time="$SITE_REDUCE_TIME" --job-name="$name-reduce" --output="$SITE_LOGS/%x-%j.log" \
  --kill-on-invalid-dep=yes --dependency="afterok:$waits" slurm/eval.sbatch "${run[@]}"
submitted "array ${all[*]}, then job $id" "${all[@]}" "$id"
