# Sourced by submit.sh and the .sbatch files: `launch WORDS...` runs `tradeoff WORDS...` on the job's ranks and ends the job
# as Slurm is to read it. 0: complete. 85: saved, run me again (Slurm requeues it where RequeueExit=85, else this script asks
# for that; of a chain the next job goes on). Anything else: failed.

site_error() { echo "slurm/site.sh: $*" >&2 && return 2; }

# What the cluster is: the environment's values, then those of TRADEOFF_SITE, then those of site.sh, however they are written.
read_site() {
  [ -z "${TRADEOFF_SITE:-}" ] || fill_from "$TRADEOFF_SITE" || return 2
  fill_from slurm/site.sh
}
# Sets what FILE sets, but nothing that has a value already.
fill_from() {
  [ -r "$1" ] && bash -n "$1" || { echo "slurm/launch.sh: $1 cannot be read from $PWD" >&2 && return 2; }
  local name
  local -A given=()
  for name in $(compgen -v SITE_); do [ -z "${!name}" ] || given[$name]=${!name}; done
  # Without a slash `.` would look along PATH.
  case $1 in */*) . "$1" ;; *) . "./$1" ;; esac
  for name in "${!given[@]}"; do printf -v "$name" %s "${given[$name]}"; done
}

# What contradicts itself in site.sh is told before a job is.
check_site() {
  local old minutes
  for old in SITE_RANKS SITE_GPUS_PER_RANK; do
    [ -z "${!old:-}" ] || { site_error "$old is set; a cell's layout is SITE_NODES, SITE_RANKS_PER_NODE and SITE_GPUS_PER_NODE" || return 2; }
  done
  case $SITE_GPUS_PER_NODE in
    0 | "$SITE_RANKS_PER_NODE") ;;
    *) site_error "SITE_GPUS_PER_NODE is $SITE_GPUS_PER_NODE; expected SITE_RANKS_PER_NODE=$SITE_RANKS_PER_NODE, one rank a GPU, or 0" || return 2 ;;
  esac
  case $SITE_GPU_REQUEST in *%d*) ;; *) site_error "SITE_GPU_REQUEST is \"$SITE_GPU_REQUEST\"; expected %d in it, for the number" || return 2 ;; esac
  case $SITE_CHAIN in '' | *[!0-9]* | 0) site_error "SITE_CHAIN is \"$SITE_CHAIN\"; expected a number of jobs from 1" || return 2 ;; esac
  for minutes in SITE_CELL_TIME SITE_REDUCE_TIME; do
    [ $((${!minutes} * 60)) -gt "$SITE_GRACE" ] ||
      { site_error "$minutes is ${!minutes} minutes; expected more than SITE_GRACE=$SITE_GRACE seconds, else a job is told to save as it begins" || return 2; }
  done
  case $SITE_STAGE_KEEP in yes | no) ;; *) site_error "SITE_STAGE_KEEP is \"$SITE_STAGE_KEEP\"; expected yes or no" || return 2 ;; esac
  case $SITE_LAUNCHER in
    srun | mpirun | auto) ;;
    *) site_error "SITE_LAUNCHER is \"$SITE_LAUNCHER\"; expected srun, mpirun or auto" || return 2 ;;
  esac
  if [ -n "$SITE_CONTAINER" ] && ! is_apptainer && [ "$SITE_LAUNCHER" = mpirun ]; then
    site_error "SITE_CONTAINER=$SITE_CONTAINER is for Pyxis, which srun starts; expected SITE_LAUNCHER=srun, or a .sif for Apptainer" || return 2
  fi
}

is_apptainer() { case $SITE_CONTAINER in *.sif) return 0 ;; *) return 1 ;; esac }

# Folders that a container sees, in one list: this one, that of TRADEOFF_ROOT, the stage, and SITE_BIND.
binds() {
  local list=$PWD
  [ -z "${TRADEOFF_ROOT:-}" ] || [ "$TRADEOFF_ROOT" = "$PWD" ] || list+=,$TRADEOFF_ROOT
  [ -z "$SITE_STAGE" ] || list+=,$SITE_STAGE
  [ -z "$SITE_BIND" ] || list+=,$SITE_BIND
  echo "$list"
}

# Sets `program`: what runs tradeoff in one process, in its container where there is one.
program_words() {
  if [ -z "$SITE_CONTAINER" ]; then
    # A checkout has built its own; an installation has it on PATH.
    program=(build/release/tradeoff)
    [ -x "${program[0]}" ] || program=(tradeoff)
    [ -z "${TRADEOFF_PROGRAM:-}" ] || program=("$TRADEOFF_PROGRAM")
  elif is_apptainer; then
    program=(apptainer exec --bind "$(binds)")
    [ "$SITE_GPUS_PER_NODE" = 0 ] || program+=(--nv)
    program+=("$SITE_CONTAINER" "${TRADEOFF_PROGRAM:-tradeoff}")
  else
    program=("${TRADEOFF_PROGRAM:-tradeoff}")
  fi
}

# Ranks are started by srun where Slurm was built with pmix, else by mpirun.
launcher() {
  case $SITE_LAUNCHER in
    auto)
      if { [ -n "$SITE_CONTAINER" ] && ! is_apptainer; } || srun --mpi=list 2>&1 | grep -q pmix; then echo srun; else echo mpirun; fi
      ;;
    *) echo "$SITE_LAUNCHER" ;;
  esac
}

# Sets `words`: what starts WORDS... on every rank ($1 = ranks), or once a node ($1 = nodes).
start_words() {
  local each=$1 name
  shift
  name=$(launcher)
  if [ "$name" = srun ]; then
    words=(srun --mpi=pmix --cpu-bind=none --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" --kill-on-bad-exit=1)
    if [ "$each" = nodes ]; then words=(srun --mpi=none --cpu-bind=none --ntasks="$SLURM_JOB_NUM_NODES" --ntasks-per-node=1 --kill-on-bad-exit=1); fi
    if [ -n "$SITE_CONTAINER" ] && ! is_apptainer && [ "$each" = ranks ]; then
      # Pyxis wants SOURCE:TARGET.
      local mounts
      mounts=$(binds | tr , '\n' | sed '/:/!s/.*/&:&/' | paste -sd, -)
      words+=("--container-image=$SITE_CONTAINER" "--container-mounts=$mounts" --container-workdir="$PWD")
    fi
  else
    # Without --bind-to a rank is tied to one core.
    words=(mpirun -np "$SLURM_NTASKS" --bind-to none)
    if [ "$each" = nodes ]; then words=(mpirun -np "$SLURM_JOB_NUM_NODES" --map-by ppr:1:node --bind-to none); fi
  fi
  words+=("$@")
}

# Whether Slurm itself requeues a job that ends with 85.
requeues_by_exit() {
  scontrol show config | grep -Eiq '^ *RequeueExit *= *([0-9,-]*,)?85(,|$| )'
}

# Copies the model named by TRADEOFF_STAGED_MODEL to every node's own disk; sets `staged` to words that name the copy.
stage() {
  staged=()
  [ -n "$SITE_STAGE" ] || return 0
  [ -n "${TRADEOFF_STAGED_MODEL:-}" ] ||
    { echo "== SITE_STAGE=$SITE_STAGE, but nothing names the model: set TRADEOFF_STAGED_MODEL (slurm/submit.sh does)" >&2 && return 1; }
  local words folder
  start_words nodes "$PWD/slurm/stage.sh" "$TRADEOFF_STAGED_MODEL" "$SITE_STAGE"
  folder=$("${words[@]}" | sort -u) || { echo "== the model could not be copied to SITE_STAGE=$SITE_STAGE" >&2 && return 1; }
  [ "$(wc -l <<<"$folder")" = 1 ] || { echo "== SITE_STAGE=$SITE_STAGE: the nodes named different copies: $folder" >&2 && return 1; }
  staged=(--model "$folder")
  echo "== model staged to $folder on $SLURM_JOB_NUM_NODES nodes"
}
unstage() {
  [ "${#staged[@]}" -gt 0 ] && [ "$SITE_STAGE_KEEP" = no ] || return 0
  local words
  start_words nodes "$PWD/slurm/stage.sh" --remove "$TRADEOFF_STAGED_MODEL" "$SITE_STAGE"
  "${words[@]}"
}

# What the program was built with, on the login node and in jobs.
load_modules() {
  # shellcheck disable=SC2086  # words, on purpose
  [ -z "$SITE_MODULES" ] || module load $SITE_MODULES ||
    { site_error "SITE_MODULES is \"$SITE_MODULES\", which \`module load\` does not load on $(hostname)" || return 2; }
}

launch() {
  local words program staged child code signalled=no restarts=${SLURM_RESTART_COUNT:-0}
  local id="${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}"
  check_site || exit 2
  load_modules || exit 2
  program_words
  # Of a chain, what an earlier link has finished needs no ranks.
  if [ -n "${TRADEOFF_LINK:-}" ] &&
    "${program[@]}" status "$TRADEOFF_OUTPUT" ${TRADEOFF_CELL:+--cell "$TRADEOFF_CELL"} >/dev/null 2>&1; then
    echo "== job $id, link $TRADEOFF_LINK of $SITE_CHAIN: complete, nothing to do"
    exit 0
  fi
  export OMP_PROC_BIND=false
  # A host that is lost is noticed in about 20 s; by itself Open MPI takes minutes.
  export OMPI_MCA_oob_tcp_keepalive_time=5 OMPI_MCA_oob_tcp_keepalive_intvl=5 OMPI_MCA_oob_tcp_keepalive_probes=3
  stage || exit 1
  start_words ranks "${program[@]}" "$@" ${staged[@]+"${staged[@]}"}
  echo "== job $id, start $((restarts + 1))${TRADEOFF_LINK:+, link $TRADEOFF_LINK of $SITE_CHAIN}, $SLURM_NTASKS ranks on $SLURM_JOB_NUM_NODES nodes by $(launcher): tradeoff $*"
  # USR2 comes SITE_GRACE seconds before the limit, TERM with a requeue or preemption: both mean save. mpirun and srun
  # hand USR2 on to the ranks; TERM would make mpirun kill them.
  trap 'signalled=yes; kill -USR2 "$child" 2>/dev/null' USR2 TERM
  "${words[@]}" &
  child=$!
  # A trap ends `wait` while the child still lives.
  while :; do
    code=0
    wait "$child" || code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  # mpirun has been seen to end with 0 when its ranks were killed; nothing is lost by looking again.
  if [ "$code" = 0 ] && [ "$signalled" = yes ]; then code=85; fi
  unstage
  if [ "$code" != 85 ]; then
    echo "== tradeoff ended with exit code $code"
    exit "$code"
  fi
  again "$id" "$restarts"
}

# Whether this job is one that Slurm ends, by a cancellation or a requeue of its own, and not for its time limit.
ended_from_outside() {
  local job
  job=$(scontrol show job -o "$SLURM_JOB_ID") || return 1
  grep -q ' JobState=COMPLETING ' <<<"$job" && ! grep -q ' Reason=TimeLimit ' <<<"$job"
}

# After 85: the next job of the chain, or this one once more.
again() {
  local id=$1 restarts=$2
  if [ -n "${TRADEOFF_LINK:-}" ]; then
    if [ "$TRADEOFF_LINK" -lt "$SITE_CHAIN" ]; then
      echo "== saved; link $((TRADEOFF_LINK + 1)) of $SITE_CHAIN goes on"
      exit 0
    fi
    echo "== saved, but this was the last of SITE_CHAIN=$SITE_CHAIN jobs: submit the same study again" >&2
    exit 1
  fi
  # A requeue would bring a cancelled job back.
  if ended_from_outside; then
    echo "== saved; the job was cancelled, or Slurm itself runs it again"
    exit 85
  fi
  if [ "$restarts" -ge "$SITE_RESTARTS" ]; then
    echo "== saved, but this was start $((restarts + 1)): SITE_RESTARTS=$SITE_RESTARTS allows no more" >&2
    exit 1
  fi
  echo "== saved; to be run again"
  requeues_by_exit && exit 85
  scontrol requeue "$id" || exit 1
  # The requeue ends this script; what it ended with by itself would count as its result.
  sleep 600
  exit 1
}
