# What this cluster is: read by submit.sh and by the jobs. Write yours into the lines below, or behind them as NAME=VALUE. Values
# in the environment win however they are written, so that one run may differ:
#   SITE_PARTITION=gpu SITE_RANKS_PER_NODE=4 slurm/submit.sh jobs/report.ini
# Where this file cannot be changed (an installed tradeoff), TRADEOFF_SITE names one of yours, whose values win over these.
# Who may use what
: "${SITE_PARTITION:=}"            # empty: the cluster's default
: "${SITE_ACCOUNT:=}"              # empty: your default account
: "${SITE_QOS:=}"                  # empty: your default
: "${SITE_RESERVATION:=}"          # a reservation to run in
: "${SITE_EXTRA:=}"                # further words for sbatch, such as --constraint=a100
# Layout of one cell (an arm with a seed). It never splits a node unless SITE_NODES says so.
: "${SITE_NODES:=1}"               # nodes of a cell
: "${SITE_RANKS_PER_NODE:=1}"      # ranks on each, one a GPU
: "${SITE_GPUS_PER_NODE:=1}"       # as many as ranks; 0: on the CPU
: "${SITE_GPU_REQUEST:=--gpus-per-node=%d}"  # how GPUs are asked for, such as --gres=gpu:a100:%d
: "${SITE_CPUS_PER_RANK:=4}"
: "${SITE_MEMORY_PER_CPU:=}"       # such as 8G; empty: the cluster's default
# How much at a time, how long
: "${SITE_PARALLEL_CELLS:=8}"      # most cells at a time
: "${SITE_CELL_TIME:=240}"         # minutes of a cell where no ledger tells what one takes; within the partition's limit
: "${SITE_REDUCE_TIME:=60}"        # minutes of the reduce job
: "${SITE_GRACE:=300}"             # seconds before the limit when the job is told to save
: "${SITE_RESTARTS:=20}"           # most restarts of a job; then it fails
: "${SITE_CHAIN:=1}"               # where jobs may not be requeued: so many jobs, each after the one before
: "${SITE_LOGS:=results/slurm}"    # folder of the jobs' logs
# How the program starts
: "${SITE_MODULES:=}"              # modules to load here and in jobs, such as "gcc/12 openmpi/4.1"; what does not load is an error
: "${SITE_LAUNCHER:=auto}"         # srun (--mpi=pmix), mpirun, or auto: srun where Slurm has pmix
: "${SITE_CONTAINER:=}"            # FILE.sif for Apptainer; anything else is an image for Pyxis (srun --container-image)
: "${SITE_BIND:=}"                 # further folders that the container sees, separated by commas: /scratch,/data:/data
: "${SITE_STAGE:=}"                # a folder on each node's own disk: the model is copied there once a node
: "${SITE_STAGE_KEEP:=yes}"        # no: the copy is removed when the job ends (where jobs do not share nodes)
