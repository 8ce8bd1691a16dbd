#!/bin/bash
# Whether CUDA code is of use on this machine; says why, and succeeds where it is: an NVIDIA GPU, or a Slurm whose nodes
# have GPUs (a login node has none itself). Asked by jobs/setup.sh and, for TRADEOFF_CUDA=AUTO, by src/cmake/Cuda.cmake.
if compgen -G "/dev/nvidia[0-9]*" >/dev/null || { command -v nvidia-smi >/dev/null && nvidia-smi -L >/dev/null 2>&1; }; then
  echo "an NVIDIA GPU"
elif command -v sinfo >/dev/null && timeout 10 sinfo --noheader --format=%G 2>/dev/null | grep -q gpu; then
  echo "a Slurm with GPUs"
else
  echo "no NVIDIA GPU"
  exit 1
fi
