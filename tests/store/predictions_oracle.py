"""Reads a predictions file with h5py, pandas and h5ls and compares every value with its formula.

usage: predictions_oracle.py STORE_SAMPLE FOLDER
"""

import json
import math
import pathlib
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pandas as pd

N = 301


def text_of(i):
    return ["", "naïve “Ω” 漢字 🙂\n\ttab", "x" * (i * 10), f"SELECT name FROM t{i} WHERE a = 'b'"][i % 4]


def columns(group):
    """A table group as a pandas DataFrame, one column a dataset or ragged group."""
    frame = {}
    for name, node in group.items():
        if isinstance(node, h5py.Group):
            assert node.attrs["encoding"] == "ragged"
            offsets, values = node["offsets"][()], node["values"][()]
            frame[name] = [values[a:b].tolist() for a, b in zip(offsets, offsets[1:])]
        elif h5py.check_string_dtype(node.dtype):
            frame[name] = node.asstr()[()]
        else:
            frame[name] = list(node[()]) if node.ndim == 2 else node[()]
    return pd.DataFrame(frame)


def check_spider(group, seed):
    frame = columns(group)
    assert list(frame.columns) == ["item", "text", "token_ids", "tokens", "set", "exec", "soft_f1", "outcome"]
    assert group["set"].dtype == np.int8 and group["item"].dtype == np.int64
    assert len(frame) == N
    for i, row in frame.iterrows():
        assert row["item"] == i
        assert row.text == text_of(i + seed), (i, row.text)
        assert row.token_ids == [1000 * i + k for k in range(i % 5)]
        assert row.tokens == i % 5
        assert row.set == i % 3 - 1
        assert row["exec"] == i * seed % 2
        assert math.isnan(row.soft_f1) if i % 3 == 0 else row.soft_f1 == 1.0 / (i + seed)
        assert row.outcome == ("ok" if i % 2 else "sql_error")
    assert dict(group.attrs) == {"adapter": group.parent.parent.name.split("/")[-1] + "-sha", "rank": 8, "scale": 0.1}


def main(sample, folder):
    path = pathlib.Path(folder) / "oracle.h5"
    subprocess.run([sample, path, str(N)], check=True)
    with h5py.File(path) as file:
        assert set(file.attrs) == {"schema_version", "config", "commit", "versions"}
        assert file.attrs["schema_version"] == 1 and file.attrs["commit"] == "0123456789abcdef"
        assert json.loads(file.attrs["config"]) == {"study": "sample", "seeds": [1, 2], "note": "c" * 100000}
        assert json.loads(file.attrs["versions"]) == {"task.spider": "1", "hdf5": "any"}
        assert list(file) == ["items", "runs", "summary"]
        items = columns(file["items/spider"])
        assert list(items.id) == [f"spider-{i}" for i in range(N)]
        assert list(items.question) == [f"How many rows has table {i}?" for i in range(N)]
        assert set(file["runs"]) == {"base", "qlora-50", "qlora-200"}
        for arm in file["runs"]:
            for seed in (1, 2):
                check_spider(file[f"runs/{arm}/seed-{seed}/spider"], seed)
        mmlu = file["runs/base/seed-1/mmlu"]
        expected = [[-1.0 / (i + k + 1) for k in range(4)] for i in range(N)]
        assert mmlu["choice_logprobs"].shape == (N, 4) and mmlu["choice_logprobs"][()].tolist() == expected
        assert "".join(columns(mmlu).answer) == ("ABCD" * N)[:N]
        curve = columns(file["runs/qlora-50/seed-2/training"])
        assert curve.to_dict("list") == {"step": [1, 2, 3], "loss": [2.5, 1.25, 0.1]}
        summary = columns(file["summary/spider"])
        assert summary.to_dict("list") == {"arm": ["base", "qlora-50"], "accuracy": [0.52, 0.515]}
    if shutil.which("h5ls"):
        listing = subprocess.run(["h5ls", "-r", path], check=True, capture_output=True, text=True).stdout
        assert f"/runs/qlora-200/seed-2/spider/text Dataset {{{N}}}" in listing, listing
    path.unlink()


if __name__ == "__main__":
    main(*sys.argv[1:])
