"""NF4 on the CPU against bitsandbytes: dequantise (to bfloat16, nested absmax) and quantise, the same weights, in turn.

    python tests/bench/nf4_bench.py build/release/nf4_pipe [--threads 2] [--rounds 7]

Nothing is timed before bytes and values are equal. Our output is preallocated; theirs is not, since
bitsandbytes' out= does not exist on the CPU.
"""
import argparse
import importlib.metadata
import math
import pathlib
import statistics
import sys
import tempfile
import time

import torch

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "quant"))
import nf4_golden as golden  # noqa: E402

SHAPES = {
    "SmolLM2-135M": [(576, 576), (192, 576), (1536, 576), (576, 1536)],
    "Llama-3-8B": [(4096, 4096), (1024, 4096), (14336, 4096), (4096, 14336)],
}


def seconds_of(work, repeat):
    seconds = []
    for _ in range(repeat):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return statistics.median(seconds)


def in_turn(pipe, theirs, rounds, repeat):
    """Medians over rounds, each the median of `repeat` calls: theirs, ours."""
    rows = []
    for _ in range(rounds + 1):
        # The other side's threads spin for a while after their work, on the cores that this side needs.
        time.sleep(0.05)
        row = [seconds_of(theirs, repeat)]
        time.sleep(0.05)
        rows.append(row + [statistics.median(pipe.ask(op="again", repeat=repeat)["seconds"])])
    return [statistics.median(column) for column in zip(*rows[1:])]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    print(f"bitsandbytes {importlib.metadata.version('bitsandbytes')}, torch {torch.__version__}, "
          f"{torch.backends.cpu.get_cpu_capability()}, {arguments.threads} threads, "
          f"median of {arguments.rounds} alternating rounds")
    print(f"{'':14}{'shape':>14}{'dequantise ms':>20}{'GB/s':>7}{'ratio':>7}{'quantise ms':>20}{'ratio':>7}")
    ratios = {"dequantise": [], "quantise": []}
    with tempfile.TemporaryDirectory() as folder:
        pipe = golden.Pipe(arguments.program, "cpu", folder)
        pipe.ask(op="threads", count=arguments.threads)
        for model, shapes in SHAPES.items():
            for shape in shapes:
                weight = (torch.randn(shape) * 0.02).to(torch.bfloat16)
                small = weight.numel() < 2 ** 23

                def quantise():
                    return golden.bnb.quantize_4bit(weight, quant_type="nf4", compress_statistics=True)

                packed, state = quantise()
                ours = pipe.quantise(weight, True, 64)
                golden.same(shape, "packed", ours[golden.NAME], packed)
                golden.same(shape, "absmax", ours[golden.NAME + ".absmax"], state.absmax)
                quantise_s = in_turn(pipe, quantise, min(arguments.rounds, 3), 10 if small else 1)

                values = golden.bnb.dequantize_4bit(packed, state)
                golden.same(shape, "values", pipe.dequantise(ours, torch.bfloat16, shape), values)
                dequantise_s = in_turn(pipe, lambda: golden.bnb.dequantize_4bit(packed, state),
                                       arguments.rounds, 20 if small else 3)

                row = [theirs / ours for theirs, ours in (dequantise_s, quantise_s)]
                ratios["dequantise"].append(row[0])
                ratios["quantise"].append(row[1])
                speed = 2e-9 * weight.numel() / dequantise_s[1]
                print(f"{model:14}{'x'.join(map(str, shape)):>14}"
                      f"{dequantise_s[0] * 1e3:10.3f}{dequantise_s[1] * 1e3:10.3f}{speed:7.1f}{row[0]:7.1f}"
                      f"{quantise_s[0] * 1e3:10.1f}{quantise_s[1] * 1e3:10.3f}{row[1]:7.1f}", flush=True)
    for name, values in ratios.items():
        mean = math.exp(statistics.fmean(map(math.log, values)))
        print(f"{name}: geometric mean {mean:.1f}x, least {min(values):.1f}x of bitsandbytes")


if __name__ == "__main__":
    main()
