"""The program on two and three hosts of this machine (hosts.py): the bytes of one host, folders that are not shared, a slow
network, a link that drops, a host that is lost.

usage: nodes_test.py PROGRAM HAND_OUT MODEL DATA
Ends with 77 ("skipped") where namespaces are not allowed.
"""

import hashlib
import json
import pathlib
import shutil
import sys
import tempfile
import threading
import time

import hosts
from hosts import Hosts

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

SKIPPED = 77
JOB = """[study]
name = hosts
seeds = 1, 2
[model]
model = {model}
[spider]
data = {data}/spider
questions = 6
shots = 1
[mmlu]
data = {data}/mmlu
questions = 6
shots = 1
[arm.base]
max_new_tokens = 8
chunk_size = 2
[arm.trained]
max_new_tokens = 8
chunk_size = 2
max_steps = 2
deterministic = true
"""
# What a host may take to be told lost (keep-alive 5, 5, 3), and the others to end.
LOST_WITHIN_S = 45


def digest(path):
    return hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()


def finished_chunks(journals):
    """Of each journal the chunks that have their end record."""
    found = []
    for path in pathlib.Path(journals).glob("*.jsonl"):
        for line in path.read_text(errors="replace").splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            if "rows" in record:
                found.append(record["chunk"])
    return found


class Test:
    def __init__(self, program, hand_out, model, data, work):
        self.program, self.hand_out, self.model, self.data, self.work = program, hand_out, model, data, work

    def prepare(self, cluster):
        from random_llama import save_random_llama

        self.tiny = self.work / "tiny"
        save_random_llama(self.tiny, self.model, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
                          num_key_value_heads=2, tie_word_embeddings=True)
        cluster.run([1], self.program, "prepare", "spider", "--quiet", "--data", self.data / "spider", "--model", self.tiny,
                    "--output-dir", self.work, "--questions=24", "--shots=1")
        self.job = self.work / "job.ini"
        self.job.write_text(JOB.format(model=self.tiny, data=self.data))

    def predict(self, out, model=None, resume=False, tokens=8, chunk=3):
        words = [self.program, "predict", "--quiet", "--threads=1", "--device=cpu", "--model", model or self.tiny, "--task", "spider",
                 "--items", self.work / "dev_formatted.jsonl", "--out", out, f"--max-new-tokens={tokens}", f"--chunk-size={chunk}"]
        return words + (["--resume"] if resume else [])

    def train(self, out):
        return [self.program, "train", "--quiet", "--threads=1", "--device=cpu", "--model", self.tiny, "--train",
                self.work / "train_formatted.jsonl", "--out", out, "--max-steps=3", "--train-batch-size=4", "--limit=40", "--deterministic"]

    def study(self, out, *more):
        return [self.program, "run", self.job, "--quiet", "--threads=1", "--device=cpu", "--output-dir", out, *more]

    def several_hosts_give_the_bytes_of_one(self, cluster):
        layouts = {"one": [1], "two": [1, 1], "three": [1, 1, 1], "uneven": [2, 1, 0]}
        found = {}
        for name, ranks in layouts.items():
            cluster.run(ranks, *self.predict(self.work / f"{name}.jsonl"))
            cluster.run(ranks, *self.train(self.work / f"train-{name}"))
            cluster.run(ranks, *self.study(self.work / f"study-{name}"))
            found[name] = (digest(self.work / f"{name}.jsonl"), digest(self.work / f"train-{name}" / "adapter_model.safetensors"),
                           digest(self.work / f"study-{name}" / "predictions.h5"))
        for name, ranks in {"two": [1, 1], "three": [1, 1, 1]}.items():
            folder = self.work / f"groups-{name}"
            cluster.run(ranks, *self.study(folder, "--rank-groups=2"))
            found[f"groups-{name}"] = (*found["one"][:2], digest(folder / "predictions.h5"))
        assert len(set(found.values())) == 1, found
        print(f"   {', '.join(found)}: predictions {found['one'][0][:12]}, adapter {found['one'][1][:12]}, study {found['one'][2][:12]}")

    def an_unshared_folder_is_refused_at_the_start(self, cluster):
        lonely = pathlib.Path("/tmp/results")  # every host's own
        for name, words in {"predict": self.predict(lonely / "p.jsonl"), "train": self.train(lonely / "t"),
                            "run": self.study(lonely / "s")}.items():
            begin = time.monotonic()
            child = cluster.launch([1, 1], *words)
            _, err = child.communicate(timeout=60)
            seconds = time.monotonic() - begin
            assert child.returncode not in (0, 85), err
            assert "rank 1 on node2 does not find what rank 0 on node1 wrote there" in err and "/tmp/results" in err, err
            assert seconds < 25, f"{name}: refused after {seconds:.0f} s"
            print(f"   {name}: refused after {seconds:.1f} s", flush=True)

    def the_hand_out_costs_little(self, _):
        for delay_ms in (0, 5, 50):
            # A latency is there and back: half of it each way.
            cluster = Hosts(self.work / f"slow-{delay_ms}", 3, delay_ms / 2)
            try:
                lines = cluster.run([1, 1, 1], self.hand_out, 60, 500).splitlines()
            finally:
                cluster.close()
            told = json.loads(next(line for line in lines if line.startswith("{")))
            print(f"   latency {delay_ms} ms: {100 * told['waited']:.2f} % of the time waited for chunks of 0.5 s ({told['seconds']:.2f} s)")
            assert told["waited"] < 0.03, told

    def slow_predict(self, cluster, ranks, out, **more):
        """The real model, so that there is something to interrupt."""
        return cluster.launch(ranks, *self.predict(out, model=self.model, tokens=32, chunk=1, **more))

    @staticmethod
    def wait_for(child, out, chunks):
        deadline = time.monotonic() + 120
        while len(finished_chunks(f"{out}.journal")) < chunks:
            assert child.poll() is None, child.communicate()
            assert time.monotonic() < deadline, "no chunk was finished"
            time.sleep(0.05)

    def a_link_off_for_five_seconds_is_survived(self, cluster):
        out = self.work / "dropped.jsonl"
        child = self.slow_predict(cluster, [1, 1], out)
        self.wait_for(child, out, 2)
        cluster.link(2, "down")
        time.sleep(5)
        interrupted = child.poll() is None
        cluster.link(2, "up")
        _, err = child.communicate(timeout=180)
        assert interrupted, "it ended before the link was back: nothing was tried"
        assert child.returncode == 0, err
        self.want = digest(out)
        print(f"   survived: {self.want[:12]}")

    def a_lost_host_ends_the_job_and_nothing_is_lost(self, cluster):
        out = self.work / "lost.jsonl"
        child = self.slow_predict(cluster, [1, 1], out)
        self.wait_for(child, out, 3)
        begin = time.monotonic()
        cluster.link(2, "down")
        # What rank 0 can do alone it does; then it waits for the lost one.
        reader = threading.Thread(target=child.communicate)
        reader.start()
        reader.join(LOST_WITHIN_S + 60)
        seconds = time.monotonic() - begin
        assert child.returncode not in (None, 0, 85), f"the job is still there after {seconds:.0f} s"
        assert seconds < LOST_WITHIN_S, f"it ended after {seconds:.0f} s"
        cluster.link(2, "up")
        # The lost host's own processes end by the same settings.
        while self.ranks_left() and time.monotonic() - begin < LOST_WITHIN_S:
            time.sleep(0.2)
        assert not self.ranks_left(), "ranks of the lost host live on"
        before = finished_chunks(f"{out}.journal")
        cluster.run([1, 1, 1], *self.predict(out, model=self.model, tokens=32, chunk=1, resume=True), timeout=240)
        after = finished_chunks(f"{out}.journal")
        assert len(before) >= 3 and len(after) == len(set(after)), "a finished chunk was computed again"
        assert digest(out) == self.want, "the resumed predictions are others"
        print(f"   ended after {seconds:.1f} s; {len(before)} of {len(after)} chunks were kept, the resume gave the same bytes")

    def ranks_left(self):
        left = []
        for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if pathlib.Path(words[0].decode(errors="replace")).name in ("tradeoff", "tradeoff-full"):
                left.append(path.parent.name)
        return left


def main(program, hand_out, model, data):
    why = hosts.allowed()
    if why:
        print(f"skipped: network namespaces are not allowed here ({why})")
        return SKIPPED
    hosts.enter_own_world()
    # Not in /tmp, which is every host's own.
    work = pathlib.Path(tempfile.mkdtemp(prefix="tradeoff-nodes-", dir="/var/tmp"))
    test = Test(program, hand_out, pathlib.Path(model), pathlib.Path(data), work)
    cluster = Hosts(work / "hosts", 3)
    try:
        test.prepare(cluster)
        for name in ("several_hosts_give_the_bytes_of_one", "an_unshared_folder_is_refused_at_the_start", "the_hand_out_costs_little",
                     "a_link_off_for_five_seconds_is_survived", "a_lost_host_ends_the_job_and_nothing_is_lost"):
            begin = time.monotonic()
            print(name, flush=True)
            getattr(test, name)(cluster)
            print(f"   ({time.monotonic() - begin:.0f} s)", flush=True)
    finally:
        cluster.close()
        shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
