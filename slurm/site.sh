# What this cluster is: read by submit.sh. Values in the environment win, so that one run may differ:
#   SITE_PARTITION=gpu SITE_RANKS=8 slurm/submit.sh jobs/report.ini
: "${SITE_PARTITION:=}"            # empty: the cluster's default
: "${SITE_ACCOUNT:=}"              # empty: your default account
: "${SITE_EXTRA:=}"                # further words for sbatch, such as --qos=long --constraint=a100
: "${SITE_MODULES:=}"              # modules to load in a job, such as "gcc/12 openmpi/4.1"
: "${SITE_LAUNCHER:=auto}"         # srun (--mpi=pmix), mpirun, or auto: srun where Slurm has pmix
: "${SITE_NODES:=1}"               # nodes of a cell
: "${SITE_RANKS:=1}"               # ranks of a cell, one a GPU
: "${SITE_GPUS_PER_RANK:=1}"       # 0: on the CPU
: "${SITE_CPUS_PER_RANK:=4}"
: "${SITE_MEMORY_PER_CPU:=}"       # such as 8G; empty: the cluster's default
: "${SITE_PARALLEL_CELLS:=8}"      # most cells at a time
: "${SITE_CELL_TIME:=240}"         # minutes of a cell where no ledger tells what one takes
: "${SITE_REDUCE_TIME:=60}"        # minutes of the reduce job
: "${SITE_GRACE:=300}"             # seconds before the limit when the job is told to save
: "${SITE_RESTARTS:=20}"           # most restarts of a job; then it fails
: "${SITE_LOGS:=results/slurm}"    # folder of the jobs' logs
