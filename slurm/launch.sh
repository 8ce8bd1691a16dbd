# Sourced by the .sbatch files: `launch WORDS...` runs `tradeoff WORDS...` on the job's ranks and ends the job as Slurm
# is to read it. 0: complete. 85: saved, run me again (Slurm requeues it where RequeueExit=85, else this script asks for
# that). Anything else: failed.

# Ranks are started by srun where Slurm was built with pmix, else by mpirun.
launcher() {
  case ${SITE_LAUNCHER:-auto} in
    srun) echo srun ;;
    mpirun) echo mpirun ;;
    auto) if srun --mpi=list 2>&1 | grep -q pmix; then echo srun; else echo mpirun; fi ;;
    *) echo "slurm/launch.sh: SITE_LAUNCHER is \"$SITE_LAUNCHER\"; expected srun, mpirun or auto" >&2 && return 2 ;;
  esac
}

# Whether Slurm itself requeues a job that ends with 85.
requeues_by_exit() {
  scontrol show config | grep -Eiq '^ *RequeueExit *= *([0-9,-]*,)?85(,|$| )'
}

launch() {
  local name words=() child code signalled=no restarts=${SLURM_RESTART_COUNT:-0}
  [ -z "${SITE_MODULES:-}" ] || module load $SITE_MODULES
  export OMP_PROC_BIND=false
  # A machine that is gone is noticed within 20 s; by Open MPI's own settings it takes 8 minutes.
  export OMPI_MCA_oob_tcp_keepalive_time=5 OMPI_MCA_oob_tcp_keepalive_intvl=5 OMPI_MCA_oob_tcp_keepalive_probes=3
  name=$(launcher) || exit 2
  if [ "$name" = srun ]; then
    words=(srun --mpi=pmix --cpu-bind=none --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" --kill-on-bad-exit=1)
  else
    # Without this a rank is tied to one core.
    words=(mpirun -np "$SLURM_NTASKS" --bind-to none)
  fi
  echo "== job ${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}, start $((restarts + 1)), $SLURM_NTASKS ranks by $name: tradeoff $*"
  # USR2 comes SITE_GRACE seconds before the limit, TERM with a requeue or preemption: both mean save. mpirun and srun
  # hand USR2 on to the ranks; TERM would make mpirun kill them.
  trap 'signalled=yes; kill -USR2 "$child" 2>/dev/null' USR2 TERM
  "${words[@]}" "${TRADEOFF_PROGRAM:-build/release/tradeoff}" "$@" &
  child=$!
  # A trap ends `wait` while the child still lives.
  while :; do
    code=0
    wait "$child" || code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  # mpirun has been seen to end with 0 when its ranks were killed; nothing is lost by looking again.
  if [ "$code" = 0 ] && [ "$signalled" = yes ]; then code=85; fi
  if [ "$code" != 85 ]; then
    echo "== tradeoff ended with exit code $code"
    exit "$code"
  fi
  if [ "$restarts" -ge "${SITE_RESTARTS:-20}" ]; then
    echo "== saved, but this was start $((restarts + 1)): SITE_RESTARTS=${SITE_RESTARTS:-20} allows no more" >&2
    exit 1
  fi
  echo "== saved; to be run again"
  requeues_by_exit && exit 85
  scontrol requeue "${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}" || exit 1
  # The requeue ends this script; what it ended with by itself would count as its result.
  sleep 600
  exit 1
}
