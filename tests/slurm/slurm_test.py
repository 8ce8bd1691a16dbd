"""Submits the project's own Slurm files to a real Slurm on this machine, for a study of a few questions.

usage: slurm_test.py ROOT TRADEOFF MODEL
"""

import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

from cluster import Cluster

JOB = """[study]
name = tiny
seeds = 1, 2
[spider]
data = {root}/jobs/data/spider
questions = {questions}
template = chat
[mmlu]
data = {root}/jobs/data/mmlu
questions = 6
groups = stem, humanities, social_sciences
shots = 2
[arm.no-shots]
spider.shots = 0
"""
# Three cells: without examples no seed reaches an answer.
TWO_ARMS = "[arm.base]\n"


class Test:
    def __init__(self, cluster, root, program, model, scratch):
        self.cluster, self.root, self.program, self.scratch = cluster, root, program, scratch
        self.words = ["--model", model, "--device", "cpu", "--threads", "1", "--chunk-size", "2", "--quiet"]
        self.job = scratch / "tiny.ini"
        self.job.write_text(JOB.format(root=root, questions=6) + TWO_ARMS)
        self.long_job = scratch / "long.ini"
        self.long_job.write_text(JOB.format(root=root, questions=40).replace("name = tiny", "name = long"))

    def site(self, **values):
        common = dict(SITE_RANKS_PER_NODE="1", SITE_GPUS_PER_NODE="0", SITE_CPUS_PER_RANK="1", SITE_CELL_TIME="10", SITE_REDUCE_TIME="10",
                      SITE_LOGS=str(self.scratch / "logs"), SITE_LAUNCHER="mpirun", TRADEOFF_PROGRAM=self.program)
        return common | values

    def submit(self, name, *words, job=None, new_tokens="8", site=None):
        text = self.cluster.run(str(self.root / "slurm/submit.sh"), str(job or self.job), "--output-dir", str(self.scratch / name),
                                *self.words, "--max-new-tokens", new_tokens, *words, **self.site(**(site or {})))
        told = re.search(r"Submitted (?:array|job) ([\d ]+)(?:, then job (\d+))?;", text.splitlines()[-1])
        return [int(number) for number in told[1].split() + ([told[2]] if told[2] else [])]

    def log(self, job):
        return "".join(p.read_text() for p in sorted((self.scratch / "logs").glob(f"*-{job}[_.]*log")))

    def directly(self, name, job=None, new_tokens="8"):
        subprocess.run([self.program, "run", job or self.job, "--output-dir", self.scratch / name, *self.words, "--max-new-tokens", new_tokens],
                       check=True, env=self.cluster.environment, stdout=subprocess.DEVNULL)
        return self.digest(name)

    def digest(self, name):
        assert (self.scratch / name / "complete.json").exists(), f"{name}: no completion record"
        return hashlib.sha256((self.scratch / name / "predictions.h5").read_bytes()).hexdigest()

    def completed(self, jobs, restarts=None):
        for job in jobs:
            for one in self.cluster.finish(job):
                assert one["JobState"] == "COMPLETED" and one["ExitCode"] == "0:0", (one, self.log(job))
                if restarts is not None:
                    assert int(one["Restarts"]) >= restarts, (one, self.log(job))

    def array_then_reduce_gives_the_bytes_of_one_job(self):
        self.short = self.directly("direct")
        jobs = self.submit("array")
        assert len(jobs) == 2, jobs
        assert len(self.cluster.jobs(jobs[0])) in (1, 3)  # the array before and after its elements start
        self.completed(jobs)
        assert self.digest("array") == self.short
        logs = sorted(p.name for p in (self.scratch / "logs").glob(f"tiny-cells-{jobs[0]}_*.log"))
        assert logs == [f"tiny-cells-{jobs[0]}_{k}.log" for k in range(3)], logs

    def has_pmix(self):
        return "pmix" in subprocess.run(["srun", "--mpi=list"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        env=self.cluster.environment).stdout

    def srun_with_two_ranks_gives_the_same(self):
        if not self.has_pmix():
            print("   (this Slurm has no pmix: not tried)")
            return
        self.completed(self.submit("srun", "--whole", site=dict(SITE_LAUNCHER="srun", SITE_RANKS_PER_NODE="2")))
        assert self.digest("srun") == self.short

    def running(self, job, name):
        """Waits until the job has answered something, so that there is work to keep and work left."""
        journal = self.scratch / name / "journal"
        self.cluster.wait(lambda: any(p.stat().st_size for p in journal.rglob("*.jsonl")) if journal.exists() else False, 120,
                          f"{name} to write a journal")

    def a_requeued_job_finishes_with_the_same(self):
        self.long = self.directly("long-direct", self.long_job, "64")
        (job,) = self.submit("requeued", "--whole", job=self.long_job, new_tokens="64")
        self.running(job, "requeued")
        self.cluster.run("scontrol", "requeue", str(job))
        self.completed([job], restarts=1)
        assert self.digest("requeued") == self.long
        assert "start 2" in self.log(job)

    def a_time_limited_job_finishes_with_the_same(self):
        # The limit is a minute, USR2 comes when at most 50 s of it are left.
        (job,) = self.submit("limited", "--whole", job=self.long_job, new_tokens="64", site=dict(SITE_GRACE="52"))
        self.cluster.run("scontrol", "update", f"jobid={job}", "timelimit=1")
        self.completed([job], restarts=1)
        assert self.digest("limited") == self.long
        assert "saved; to be run again" in self.log(job)

    def broken_model(self):
        (self.scratch / "broken").mkdir(exist_ok=True)
        return str(self.scratch / "broken")

    def a_failing_application_is_failed(self):
        (job,) = self.submit("failing", "--whole", "--model", self.broken_model())
        (state,) = self.cluster.finish(job)
        assert state["JobState"] == "FAILED" and state["ExitCode"] != "0:0" and state["Restarts"] == "0", state
        assert str(self.scratch / "broken") in self.log(job), self.log(job)
        assert not (self.scratch / "failing" / "complete.json").exists()

    def a_failing_cell_stops_the_reduce_job(self):
        array, reduce = self.submit("failing-array", "--model", self.broken_model())
        assert {j["JobState"] for j in self.cluster.finish(array)} == {"FAILED"}
        (state,) = self.cluster.finish(reduce)
        assert state["JobState"] == "CANCELLED", state

    def restarts_are_bounded(self):
        (job,) = self.submit("bounded", "--whole", job=self.long_job, new_tokens="64", site=dict(SITE_RESTARTS="0"))
        self.running(job, "bounded")
        self.cluster.run("scancel", "--batch", "--signal=USR2", str(job))
        (state,) = self.cluster.finish(job)
        assert state["JobState"] == "FAILED" and state["Restarts"] == "0", state
        assert "allows no more" in self.log(job)

    def a_job_asks_to_be_requeued(self):
        (job,) = self.submit("asks", "--whole", job=self.long_job, new_tokens="64")
        self.running(job, "asks")
        self.cluster.run("scancel", "--batch", "--signal=USR2", str(job))
        self.completed([job], restarts=1)
        assert self.digest("asks") == self.long

    def a_cancelled_job_stays_cancelled(self):
        # srun gives the ranks the time to save; mpirun ends at the first TERM.
        launcher = "srun" if self.has_pmix() else "mpirun"
        (job,) = self.submit("cancelled", "--whole", job=self.long_job, new_tokens="64", site=dict(SITE_LAUNCHER=launcher))
        self.running(job, "cancelled")
        self.cluster.run("scancel", str(job))
        (state,) = self.cluster.finish(job)
        assert state["JobState"] == "CANCELLED" and state["Restarts"] == "0", (state, self.log(job))
        assert launcher == "mpirun" or "saved; the job was cancelled" in self.log(job), self.log(job)

    def without_slurm_it_says_what_to_run(self):
        empty = self.scratch / "bin"
        empty.mkdir()
        for name in ("bash", "sed", "awk", "grep", "dirname", "basename", "cat", "mkdir", "tr", "paste"):
            (empty / name).symlink_to(shutil.which(name))
        done = subprocess.run([str(self.root / "slurm/submit.sh"), str(self.job), *self.words], capture_output=True, text=True,
                              env=self.cluster.environment | self.site(SITE_RANKS_PER_NODE="2", PATH=str(empty)))
        assert done.returncode == 1, done
        assert "There is no Slurm here" in done.stdout and "mpirun -np 2 --bind-to none" in done.stdout, done.stdout

    def dry(self, *words, **site):
        return self.cluster.run(str(self.root / "slurm/submit.sh"), str(self.job), "--output-dir", str(self.scratch / "dry"), "--dry-run",
                                *self.words, *words, **self.site(**site))

    def refused(self, message, **site):
        try:
            text = self.dry(**site)
        except RuntimeError as error:
            assert message in str(error), error
        else:
            raise AssertionError(f"{site} was taken: {text}")

    def a_contrary_site_is_refused(self):
        self.refused("SITE_RANKS is set; a cell's layout is SITE_NODES", SITE_RANKS="2")
        self.refused("SITE_GPUS_PER_NODE is 2; expected SITE_RANKS_PER_NODE=1", SITE_GPUS_PER_NODE="2")
        self.refused("expected %d in it", SITE_GPU_REQUEST="--gres=gpu")
        self.refused("SITE_CHAIN is \"0\"", SITE_CHAIN="0")
        self.refused("SITE_STAGE_KEEP is \"maybe\"", SITE_STAGE_KEEP="maybe")
        self.refused("SITE_LAUNCHER is \"mpiexec\"", SITE_LAUNCHER="mpiexec")
        self.refused("SITE_MODULES is \"no/such\"", SITE_MODULES="no/such")
        self.refused("is for Pyxis", SITE_CONTAINER="image.sqsh", SITE_LAUNCHER="mpirun")

    def what_a_job_would_not_find_is_told_before(self):
        try:
            text = self.dry("--model", "/nowhere/model")
        except RuntimeError as error:
            assert "model /nowhere/model is not there" in str(error), error
        else:
            raise AssertionError(text)

    def a_missing_program_is_told(self):
        missing = dict(TRADEOFF_PROGRAM="/nowhere/tradeoff")
        self.refused("/nowhere/tradeoff is not there; jobs/setup.sh", **missing)
        self.refused("SITE_CONTAINER=image.sqsh needs it here", **missing, SITE_CONTAINER="image.sqsh", SITE_LAUNCHER="srun")

    def a_site_of_ones_own_is_read(self):
        own = self.scratch / "own-site.sh"
        own.write_text("SITE_PARTITION=of-file\nSITE_QOS=of-file\n")
        text = self.dry(TRADEOFF_SITE=str(own), SITE_PARTITION="main")
        assert "--partition=main" in text and "--qos=of-file" in text, text
        own.write_text("SITE_QOS=(\n")
        for file in (str(own), "/nowhere/site.sh"):
            self.refused(f"{file} cannot be read", TRADEOFF_SITE=file)
            for script in sorted((self.root / "slurm").glob("*.sbatch")):
                done = subprocess.run(["bash", str(script)], capture_output=True, text=True,
                                      env=os.environ | dict(TRADEOFF_SITE=file, TRADEOFF_ROOT=str(self.root)))
                assert done.returncode == 2 and f"{file} cannot be read" in done.stderr, (script, done)

    def no_job_is_told_to_save_as_it_begins(self):
        """USR2 comes SITE_GRACE seconds before the limit: a limit is longer, and a check, which has nothing to save, gets none."""
        jobs = [line for line in self.dry("--check").splitlines() if "--job-name" in line]
        assert [("--signal" in line, "check.sbatch" in line) for line in jobs] == [(False, True), (True, False), (True, False)], jobs
        for name in ("SITE_CELL_TIME", "SITE_REDUCE_TIME"):
            self.refused(f"{name} is 5 minutes; expected more than SITE_GRACE=300 seconds", SITE_GRACE="300", **{name: "5"})
        folder = self.scratch / "dry"
        folder.mkdir()
        (folder / "ledger.jsonl").write_text('{"arm":"base","seed":1,"seconds":4,"ranks":1}\n')
        text = self.dry(SITE_GRACE="300")
        shutil.rmtree(folder)
        assert "--time=10 --array" in text.replace("\\", ""), text

    def a_dry_run_submits_nothing(self):
        before = self.cluster.run("squeue", "-h", "-a", "-t", "all", "-o", "%i")
        text = self.dry()
        assert "--array=0-2%8" in text and "--dependency=afterok:" in text, text
        assert self.cluster.run("squeue", "-h", "-a", "-t", "all", "-o", "%i") == before


def main(root, program, model):
    # ctest ends a test that is late with TERM: the daemons are stopped then too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("slurm_test.py: stopped"))
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="tr-study-", dir="/tmp"))
    try:
        with Cluster() as cluster:
            test = Test(cluster, pathlib.Path(root), os.path.abspath(program), os.path.abspath(model), scratch)
            for name in ("a_dry_run_submits_nothing", "a_contrary_site_is_refused", "what_a_job_would_not_find_is_told_before",
                         "a_missing_program_is_told", "a_site_of_ones_own_is_read", "no_job_is_told_to_save_as_it_begins",
                         "without_slurm_it_says_what_to_run", "array_then_reduce_gives_the_bytes_of_one_job",
                         "srun_with_two_ranks_gives_the_same", "a_failing_application_is_failed", "a_failing_cell_stops_the_reduce_job",
                         "a_requeued_job_finishes_with_the_same", "a_time_limited_job_finishes_with_the_same", "restarts_are_bounded"):
                print(name, flush=True)
                getattr(test, name)()
        # Where Slurm itself does not requeue by the exit code, and leaves a cancelled job the time to save.
        with Cluster(requeue_exit=99, kill_wait=60) as cluster:
            test.cluster = cluster
            for name in ("a_job_asks_to_be_requeued", "a_cancelled_job_stays_cancelled"):
                print(f"RequeueExit is not 85: {name}", flush=True)
                getattr(test, name)()
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
