"""NF4 against bitsandbytes: dequantise (to bfloat16, nested absmax) and, on the CPU, quantise, the same weights, in turn.

    python tests/bench/nf4_bench.py build/release/nf4_pipe [--threads 2] [--rounds 7] [--device cuda]

Nothing is timed before bytes and values are equal. Our output is preallocated; theirs is not on the CPU, where
bitsandbytes' out= does not exist. On CUDA the calls take copies of a weight in turn, so that it is not in the cache.
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


def on_cuda(pipe, rounds, copies=8, repeat=24):
    """All linear matrices of Llama-3-8B."""
    in_layer = {(4096, 4096): 2, (1024, 4096): 2, (14336, 4096): 2, (4096, 14336): 1}
    totals = [0.0, 0.0]
    for shape, count in in_layer.items():
        weight = (torch.randn(shape, device="cuda") * 0.02).to(torch.bfloat16)
        packed, state = golden.bnb.quantize_4bit(weight, quant_type="nf4", compress_statistics=True)
        parts = {golden.NAME: packed.cpu()}
        parts |= {f"{golden.NAME}.{key}": value.cpu() for key, value in state.as_dict(packed=True).items()}
        out = torch.empty_like(weight)
        values = golden.bnb.dequantize_4bit(packed, state, out=out).cpu()
        golden.same(shape, "values", pipe.dequantise(parts, torch.bfloat16, shape, copies), values)
        turns = [packed.clone() for _ in range(copies)]

        def theirs():
            torch.cuda.synchronize()
            begin = time.perf_counter()
            for i in range(repeat):
                golden.bnb.dequantize_4bit(turns[i % copies], state, out=out)
            torch.cuda.synchronize()
            return (time.perf_counter() - begin) / repeat

        rows = [(theirs(), pipe.ask(op="again", repeat=repeat)["seconds"][0]) for _ in range(rounds + 1)][1:]
        seconds = [statistics.median(column) for column in zip(*rows)]
        totals = [total + 32 * count * side for total, side in zip(totals, seconds)]
        speed = (2 + 0.5 + 1 / 64) * weight.numel() / seconds[1] * 1e-9
        print(f"{'x'.join(map(str, shape)):>14}{seconds[0] * 1e3:10.4f}{seconds[1] * 1e3:10.4f} ms {speed:8.0f} GB/s "
              f"{seconds[0] / seconds[1]:6.1f}x", flush=True)
    print(f"all matrices of 32 layers: bitsandbytes {totals[0] * 1e3:.1f} ms, ours {totals[1] * 1e3:.1f} ms: "
          f"{totals[0] / totals[1]:.1f}x (wanted: 2)")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(arguments.threads)
    if arguments.device == "cuda":
        print(f"bitsandbytes {importlib.metadata.version('bitsandbytes')}, torch {torch.__version__}, "
              f"{torch.cuda.get_device_name()}, median of {arguments.rounds} alternating rounds")
        with tempfile.TemporaryDirectory() as folder:
            return on_cuda(golden.Pipe(arguments.program, "cuda", folder), arguments.rounds)
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
