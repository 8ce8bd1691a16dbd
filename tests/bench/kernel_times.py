"""Runs a program and prints where its time on the GPU goes: products, attention, dequantising, other kernels, and the gaps in which
no kernel runs, of the last seconds of its work (what comes before is loading and warm-up). A run under it is slower by some
per cent: its speed is measured in a run without.

    kernel_times.py [--last SECONDS] [--top 12] LIBRARY PROGRAM [ARGUMENTS ...]

LIBRARY is libkernel_times.so of the build folder.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

# The first that is found in a kernel's name is its kind; attention's names also speak of CUTLASS.
KINDS = (("attention", r"flash|attend|chain|fmha|attention"), ("dequantise", r"dequantise"),
         ("products", r"gemm|gemv|cutlass|nvjet|xmma|product_kernel|splitk|split_k"),
         ("copies to and from the host", r"copy (to|from) the host"))
OTHER = "other kernels"


def kind_of(name):
    return next((kind for kind, words in KINDS if re.search(words, name, re.IGNORECASE)), OTHER)


def lines_of(times, top):
    total = times["ns"] or 1
    kinds = dict.fromkeys([kind for kind, _ in KINDS] + [OTHER], 0)
    for name, ns, _ in times["kernels"]:
        kinds[kind_of(name)] += ns
    shares = [f"{kind} {100 * ns / total:.1f} %" for kind, ns in kinds.items() if ns] + [f"gaps {100 * times['idle_ns'] / total:.1f} %"]
    yield f"time    of {total / 1e9:.2f} s: {', '.join(shares)}" + (f"; {times['dropped']} records lost" if times["dropped"] else "")
    for name, ns, count in sorted(times["kernels"], key=lambda row: -row[1])[:top]:
        short = re.sub(r"^void |\(anonymous namespace\)::|at::native::|tradeoff::", "", name)
        yield f"        {100 * ns / total:5.1f} %  {count:6} x {ns / count / 1000:9.1f} us  {short[:110]}"


def measured(library, command, last, top=12):
    """The finished process and the lines of its times; none where the program used no GPU."""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "times.json"
        environment = {**os.environ, "CUDA_INJECTION64_PATH": str(pathlib.Path(library).resolve()), "KERNEL_TIMES": str(file),
                       "KERNEL_TIMES_LAST": str(last)}
        done = subprocess.run([*map(str, command)], env=environment, capture_output=True, text=True)
        lines = list(lines_of(json.loads(file.read_text()), top)) if file.exists() else []
    return done, lines


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--last", type=float, default=1e6)
    parser.add_argument("--top", type=int, default=12)
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    done, lines = measured(options.library, options.command, options.last, options.top)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr[-2000:])
    print("\n".join(lines) or "no time on a GPU was seen")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
