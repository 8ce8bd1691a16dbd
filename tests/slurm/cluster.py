"""A Slurm in a scratch folder: munged, slurmctld and slurmd of its own, on free ports. One node on the loopback, or a node
for each host of tests/nodes/hosts.py."""

import getpass
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

CONF = """ClusterName=local
SlurmctldHost={host}({address})
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SrunPortRange={range}
{listen}MaxArraySize={array}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={root}/munge/munge.socket,cred_expire=5
CredType=cred/munge
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool/%n
SlurmctldPidFile={root}/run/slurmctld.pid
SlurmdPidFile={root}/run/slurmd-%n.pid
SlurmctldLogFile={root}/log/slurmctld.log
SlurmdLogFile={root}/log/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=1,sched_interval=2,bf_interval=2
MpiDefault=none
ReturnToService=2
KillWait={kill_wait}
JobRequeue=1
RequeueExit={requeue_exit}
SlurmdParameters=config_overrides
SlurmctldTimeout=30
SlurmdTimeout=30
MailProg=/bin/true
{nodes}PartitionName=main Nodes=ALL Default=YES MaxTime=60 State=UP
"""


NODE = """NodeName={name} NodeAddr={address} CPUs=4 Boards=1 SocketsPerBoard=1 CoresPerSocket=4 ThreadsPerCore=1 RealMemory=2000 State=UNKNOWN
"""


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Cluster:
    """`hosts`: those of a tests/nodes/hosts.py, a slurmd in each; none: this machine. `folder`: seen by all of them."""

    def __init__(self, requeue_exit=85, hosts=(), address="127.0.0.1", folder="/tmp", array=1001, kill_wait=5):
        self.hosts = list(hosts)
        # Short: the munge socket's whole path must fit in 108 bytes.
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="tr-slurm-", dir=folder))
        self.root.chmod(0o755)
        for name in ("state", "spool", "log", "munge", "run"):
            (self.root / name).mkdir(mode=0o755)
        key = self.root / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        first = free_ports(1)[0] % 20000 + 30000
        self.conf = self.root / "slurm.conf"
        own = socket.gethostname().split(".")[0]
        named = [(host.name, host.address) for host in self.hosts] or [(own, "127.0.0.1")]
        self.conf.write_text(CONF.format(
            host=own, address=address, user=getpass.getuser(), root=self.root, ports=free_ports(2), range=f"{first}-{first + 100}",
            requeue_exit=requeue_exit, array=array, kill_wait=kill_wait, nodes="".join(NODE.format(name=n, address=a) for n, a in named),
            # Else both daemons bind 0.0.0.0.
            listen="" if self.hosts else "CommunicationParameters=NoCtldInAddrAny,NoInAddrAny\n"))
        (self.root / "cgroup.conf").write_text("CgroupAutomount=no\n")
        self.environment = dict(os.environ, SLURM_CONF=str(self.conf), OMPI_ALLOW_RUN_AS_ROOT="1",
                                OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_btl_vader_single_copy_mechanism="none",
                                OMPI_MCA_rmaps_base_oversubscribe="1")
        for name in [n for n in self.environment if n.startswith(("SLURM_JOB", "SLURM_NTASKS", "SLURM_ARRAY"))]:
            del self.environment[name]

    def __enter__(self):
        munge = self.root / "munge"
        self.start(["munged", f"--key-file={self.root}/munge.key", f"--socket={munge}/munge.socket", f"--pid-file={munge}/munged.pid",
                    f"--log-file={munge}/munged.log", f"--seed-file={munge}/munged.seed"])
        self.start(["slurmctld", "-f", str(self.conf)])
        for host in self.hosts:
            self.start(["slurmd", "-f", str(self.conf), "-N", host.name], host.words())
        if not self.hosts:
            self.start(["slurmd", "-f", str(self.conf)])
        count = max(1, len(self.hosts))
        self.wait(lambda: self.run("sinfo", "-h", "-N", "-o", "%t", check=False).split().count("idle") == count, 60, "idle nodes")
        return self

    def start(self, words, before=()):
        program = shutil.which(words[0], path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        done = subprocess.run([*before, program, *words[1:]], env=self.environment, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{words[0]} did not start: {done.stderr}")

    def __exit__(self, *_):
        # Only what this cluster started, by the pids it wrote.
        subprocess.run(["scancel", f"--user={getpass.getuser()}"], env=self.environment, capture_output=True)
        time.sleep(1)
        for file in [*self.root.glob("run/slurmd-*.pid"), self.root / "run/slurmctld.pid", self.root / "munge/munged.pid"]:
            try:
                pid = int(file.read_text())
                os.kill(pid, 15)
            except (OSError, ValueError):
                continue
            deadline = time.monotonic() + 15
            while pathlib.Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
                time.sleep(0.1)
            if pathlib.Path(f"/proc/{pid}").exists():
                os.kill(pid, 9)
        shutil.rmtree(self.root, ignore_errors=True)

    def run(self, *words, check=True, **environment):
        done = subprocess.run(words, env=self.environment | environment, capture_output=True, text=True)
        if check and done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    @staticmethod
    def wait(condition, seconds, what):
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {seconds} s for {what}")
            time.sleep(0.3)

    def jobs(self, job):
        """Of a job or of every element of an array: {"JobState": ..., "Restarts": ..., ...}."""
        text = self.run("scontrol", "show", "job", "-o", str(job))
        return [dict(re.findall(r"(\w+)=(\S*)", line)) for line in text.splitlines() if line.strip()]

    def finish(self, job, seconds=240):
        def ended():
            return all(j["JobState"] not in ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "REQUEUED", "RESIZING", "SUSPENDED")
                       for j in self.jobs(job))
        try:
            self.wait(ended, seconds, f"job {job} to end")
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {self.jobs(job)}") from None
        return self.jobs(job)
