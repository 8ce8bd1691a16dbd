#!/bin/bash
# What both recipes run, as root on a bare Debian 12: build.sh SOURCE PREFIX. Packages and versions are those of
# jobs/packages.sh, as for jobs/setup.sh.
set -euo pipefail
source=$(cd "$1" && pwd) prefix=$2
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
. "$source/jobs/packages.sh"

apt-get update
apt-get install -y --no-install-recommends "${packages[@]}"
# LibTorch at the place where the installed program looks for it.
site=$prefix/lib/tradeoff/site
mkdir -p "$site"
python3 -m venv /opt/pip
/opt/pip/bin/python -m pip install --quiet --no-cache-dir --target "$site" "$torch"
options=(-DTRADEOFF_PACKAGE=ON -DTRADEOFF_CUDA=OFF)
if [ "${CUDA:-no}" = yes ]; then
  /opt/pip/bin/python -m pip install --quiet --no-cache-dir "$cuda_compiler"
  options=(-DTRADEOFF_PACKAGE=ON -DTRADEOFF_CUDA=ON "-DCMAKE_CUDA_COMPILER=$(echo /opt/pip/lib/python3*/site-packages/nvidia/cu13/bin/nvcc)")
fi
cd "$source"
# The build asks an interpreter where torch is.
cmake --preset release "-DPYTORCH_PYTHON=/opt/pip/bin/python" "-DTRADEOFF_TORCH_SITE=$site" "${options[@]}"
cmake --build build/release --target tradeoff
cmake --install build/release --prefix "$prefix"
rm -rf /opt/pip /var/lib/apt/lists/*
"$prefix/bin/tradeoff" doctor
