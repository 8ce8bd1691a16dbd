"""A Slurm of two nodes (network namespaces, tests/nodes/hosts.py): the project's own scripts with a check, a throttle, a
chain and a stage, and `tradeoff status` in each state.

usage: two_nodes_test.py ROOT TRADEOFF MODEL
Ends with 77 ("skipped") where namespaces are not allowed.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "nodes"))
import hosts
from cluster import Cluster
from slurm_test import Test

SKIPPED, NOT_COMPLETE = 77, 3
MASTER = f"{hosts.NETWORK}.254"


class TwoNodes(Test):
    def status(self, name):
        done = subprocess.run([self.program, "status", str(self.scratch / name)], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def submit_text(self, name, *words, site):
        done = subprocess.run([str(self.root / "slurm/submit.sh"), str(self.job), "--output-dir", str(name), *self.words,
                               "--max-new-tokens", "8", *words], env=self.cluster.environment | self.site(**site), capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    def two_nodes_give_the_bytes_of_one_process(self):
        code, text = self.status("direct")
        assert code == 1 and "no study has begun here" in text, (code, text)
        self.short = self.directly("direct")
        code, text = self.status("direct")
        assert code == 0 and "3 cells: 3 complete, 0 running, 0 missing" in text, (code, text)
        launchers = ["mpirun"]
        if "pmix" in subprocess.run(["srun", "--mpi=list"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                    env=self.cluster.environment).stdout:
            launchers.append("srun")
        for launcher in launchers:
            jobs = self.submit(launcher, "--whole", site=dict(SITE_NODES="2", SITE_LAUNCHER=launcher))
            self.completed(jobs)
            assert self.digest(launcher) == self.short
            assert f"2 ranks on 2 nodes by {launcher}" in self.log(jobs[0]), self.log(jobs[0])
        print(f"   launchers: {', '.join(launchers)}")

    def a_check_stops_what_would_fail(self):
        begin = time.monotonic()
        code, text = self.submit_text("/tmp/lonely", "--check", site=dict(SITE_NODES="2"))
        assert code == 1 and "nothing else was submitted" in text, (code, text)
        assert "FAIL shared folder" in text and "rank 1 on node2 does not find" in text and "change: --output-dir" in text, text
        failed = time.monotonic() - begin
        assert "tiny-cells" not in self.cluster.run("squeue", "-h", "-a", "-t", "all", "-o", "%j")
        begin = time.monotonic()
        code, text = self.submit_text(self.scratch / "checked", "--check", "--whole", site=dict(SITE_NODES="2"))
        assert code == 0 and text.count("ok  ") >= 8 and "FAIL" not in text, (code, text)
        assert "node1 x 1, node2 x 1" in text and "all-reduce" in text, text
        print(f"   refused after {failed:.0f} s, passed after {time.monotonic() - begin:.0f} s")
        self.cluster.run("scancel", "--user=" + str(os.getuid()))

    def arrays_are_cut_and_throttled(self):
        """MaxArraySize is 2 here, and the study has three cells."""
        jobs = self.submit("throttled", site=dict(SITE_PARALLEL_CELLS="1"))
        assert len(jobs) == 3, jobs  # two arrays and the job that gathers
        most, states = 0, set()
        while any(self.alive(job) for job in jobs):
            running = self.cluster.run("squeue", "-h", "-r", "-t", "R,CG", "-n", "tiny-cells", "-o", "%i").split()
            most = max(most, len(running))
            states.add(self.status("throttled")[0])
            time.sleep(0.3)
        self.completed(jobs)
        assert most == 1, f"{most} cells at a time, SITE_PARALLEL_CELLS=1"
        assert NOT_COMPLETE in states and self.status("throttled")[0] == 0, states
        assert self.digest("throttled") == self.short

    def alive(self, job):
        return any(one["JobState"] in ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING") for one in self.cluster.jobs(job))

    def a_chain_goes_on_and_ends_early(self):
        self.long = self.directly("long-direct", self.long_job, "64")
        jobs = self.submit("chained", "--whole", job=self.long_job, new_tokens="64", site=dict(SITE_CHAIN="3"))
        assert len(jobs) == 3, jobs
        self.running(jobs[0], "chained")
        code, text = self.status("chained")
        assert code == NOT_COMPLETE and " running" in text and "Left: " in text, (code, text)
        self.cluster.run("scancel", "--batch", "--signal=USR2", str(jobs[0]))
        self.completed(jobs)
        assert self.digest("chained") == self.long
        assert all(int(one["Restarts"]) == 0 for job in jobs for one in self.cluster.jobs(job))
        assert "saved; link 2 of 3 goes on" in self.log(jobs[0]), self.log(jobs[0])
        assert "link 3 of 3: complete, nothing to do" in self.log(jobs[2]), self.log(jobs[2])
        # Arrays of cells: what a link has finished the next does not begin.
        jobs = self.submit("chained-cells", site=dict(SITE_CHAIN="2"))
        assert len(jobs) == 5, jobs  # two links of two arrays, and the job that gathers
        self.completed(jobs)
        assert self.digest("chained-cells") == self.short
        assert self.log(jobs[2]).count("complete, nothing to do") == 2, self.log(jobs[2])

    def staged(self, host, *words):
        return subprocess.run(host.words(*words), capture_output=True, text=True).stdout.split()

    def the_model_is_staged_once_a_node(self):
        site = dict(SITE_NODES="2", SITE_STAGE="/tmp/stage")
        copies = {}
        for round_ in ("first", "again", "damaged"):
            self.completed(self.submit(f"staged-{round_}", "--whole", site=site))
            assert self.digest(f"staged-{round_}") == self.short
            copies[round_] = [self.staged(h, "find", "/tmp/stage", "-name", "model.safetensors", "-printf", "%p %i\n") for h in self.cluster.hosts]
            assert all(len(found) == 2 for found in copies[round_]), copies
            if round_ == "again":
                weights = copies[round_][1][0]
                subprocess.run(self.cluster.hosts[1].words("sh", "-c", f"printf X | dd of={weights} bs=1 seek=5000 conv=notrunc"), check=True,
                               capture_output=True)
        assert copies["first"] == copies["again"], "the copy was not used again"
        assert copies["damaged"][0] == copies["first"][0], "a sound copy was made again"
        assert copies["damaged"][1] != copies["first"][1], "a damaged copy was used"
        self.completed(self.submit("staged-gone", "--whole", site=site | dict(SITE_STAGE_KEEP="no")))
        assert not any(self.staged(h, "find", "/tmp/stage", "-name", "model.safetensors") for h in self.cluster.hosts)


def main(root, program, model):
    why = hosts.allowed()
    if why:
        print(f"skipped: network namespaces are not allowed here ({why})")
        return SKIPPED
    hosts.enter_own_world()
    # Not in /tmp, which is every host's own.
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="tr-nodes-", dir="/var/tmp"))
    network = hosts.Hosts(scratch / "hosts", 2)
    try:
        with Cluster(hosts=network.hosts, address=MASTER, folder="/var/tmp", array=2) as cluster:
            test = TwoNodes(cluster, pathlib.Path(root), os.path.abspath(program), os.path.abspath(model), scratch)
            for name in ("two_nodes_give_the_bytes_of_one_process", "a_check_stops_what_would_fail", "arrays_are_cut_and_throttled",
                         "a_chain_goes_on_and_ends_early", "the_model_is_staged_once_a_node"):
                begin = time.monotonic()
                print(name, flush=True)
                getattr(test, name)()
                print(f"   ({time.monotonic() - begin:.0f} s)", flush=True)
    finally:
        network.close()
        shutil.rmtree(scratch, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
