#!/bin/bash
# What both recipes run, as root on a bare Debian 12: CUDA=no|yes build.sh SOURCE PREFIX. Packages and versions are those of
# jobs/packages.sh, as for jobs/setup.sh; without CUDA, LibTorch comes without its CUDA libraries (3.4 GB).
set -euo pipefail
source=$(cd "$1" && pwd) prefix=$2
export DEBIAN_FRONTEND=noninteractive LANG=C.UTF-8
. "$source/jobs/packages.sh"

# pip_install ENVIRONMENT WORDS...
pip_install() {
  [ -x "$1/bin/python" ] || python3 -m venv "$1"
  "$1/bin/python" -m pip install --quiet --no-cache-dir "${@:2}"
}

apt-get update
apt-get install -y --no-install-recommends "${packages[@]}"
options=(-DTRADEOFF_PACKAGE=ON)
case ${CUDA:-} in
  no)
    pip_install "$source/.venv" --no-deps "$torch" "${cpu_parts[@]}"
    options+=(-DTRADEOFF_CUDA=OFF)
    ;;
  yes)
    pip_install "$source/.venv" "$torch"
    pip_install /opt/nvcc "$cuda_compiler"
    options+=(-DTRADEOFF_CUDA=ON "-DCMAKE_CUDA_COMPILER=$(echo /opt/nvcc/lib/python3*/site-packages/nvidia/cu13/bin/nvcc)")
    ;;
  *) echo "build.sh: CUDA is \"${CUDA:-}\"; expected no or yes" >&2 && exit 2 ;;
esac
cd "$source"
cmake --preset release "${options[@]}"
cmake --build build/release --target tradeoff
cmake --install build/release --prefix "$prefix"
# LibTorch at the place where the installed program looks for it.
mkdir -p "$prefix/lib/tradeoff/site"
cp -al .venv/lib/python3*/site-packages/. "$prefix/lib/tradeoff/site"
rm -rf /opt/nvcc /var/lib/apt/lists/*
"$prefix/bin/tradeoff" doctor
