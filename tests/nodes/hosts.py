"""Hosts on one machine: each has a network, a host name, a /tmp and an /etc/hosts of its own (namespaces), and all hang on
one bridge. Everything lives in namespaces of the test itself, and goes with it however it ends."""

import os
import pathlib
import subprocess
import sys
import time

NETWORK = "10.213.7"
# As slurm/launch.sh sets them: a host that is lost is noticed after about 20 s and not after minutes.
KEEP_ALIVE = {"OMPI_MCA_oob_tcp_keepalive_time": "5", "OMPI_MCA_oob_tcp_keepalive_intvl": "5", "OMPI_MCA_oob_tcp_keepalive_probes": "3"}
AGENT = """#!/bin/sh
# plm_rsh_agent: HOST WORDS...
host=$1
shift
exec nsenter --target "$(cat {root}/pids/$host)" --net --uts --mount sh -c "$*"
"""


def allowed():
    """"" where namespaces may be made, else why not."""
    done = subprocess.run(["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "ip", "link", "add", "probe", "type", "bridge"],
                          capture_output=True, text=True)
    return "" if done.returncode == 0 else (done.stderr.strip() or f"unshare ended with {done.returncode}")


def enter_own_world():
    """Starts this script again as the first process of namespaces of its own, once."""
    if os.environ.get("TRADEOFF_OWN_WORLD"):
        return
    os.environ["TRADEOFF_OWN_WORLD"] = "1"
    os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, *sys.argv])


def call(*words, **options):
    return subprocess.run([str(word) for word in words], check=True, **options)


class Host:
    def __init__(self, name, address, pid):
        self.name, self.address, self.pid = name, address, pid

    def words(self, *words):
        return ["nsenter", "--target", str(self.pid), "--net", "--uts", "--mount", *map(str, words)]


class Hosts:
    """`count` hosts node1, node2, ...; `root` is a folder that all of them see. delay_ms > 0: what passes between two
    hosts takes so long (switch.py in the place of the bridge)."""

    def __init__(self, root, count, delay_ms=None):
        self.root, self.delay_ms = pathlib.Path(root), delay_ms
        (self.root / "pids").mkdir(parents=True, exist_ok=True)
        self.agent = self.root / "agent.sh"
        self.agent.write_text(AGENT.format(root=self.root))
        self.agent.chmod(0o755)
        self.table = self.root / "hosts"
        self.table.write_text("127.0.0.1 localhost\n" + "".join(f"{NETWORK}.{k} node{k}\n" for k in range(1, count + 1)) +
                              f"{NETWORK}.254 master\n")
        self.port = "port" if delay_ms is None else "slow"  # two such networks may stand side by side
        self.hosts, self.holders, self.switch = [], [], None
        call("ip", "link", "set", "lo", "up")
        if delay_ms is None:
            call("ip", "link", "add", "bridge0", "type", "bridge")
            call("ip", "link", "set", "bridge0", "up")
            call("ip", "addr", "add", f"{NETWORK}.254/24", "dev", "bridge0")
        for number in range(1, count + 1):
            self.add(number)
        if delay_ms is not None:
            ports = [f"{self.port}{k}" for k in range(1, count + 1)]
            self.switch = subprocess.Popen([sys.executable, str(pathlib.Path(__file__).parent / "switch.py"), str(delay_ms), *ports])

    def add(self, number):
        name, address = f"node{number}", f"{NETWORK}.{number}"
        holder = subprocess.Popen(["unshare", "--net", "--uts", "--mount", "sh", "-c",
                                   f"hostname {name} && mount -t tmpfs tmp /tmp && mount --bind {self.table} /etc/hosts && "
                                   "echo ready && exec sleep infinity"], stdout=subprocess.PIPE, text=True)
        assert holder.stdout.readline() == "ready\n", f"{name} did not start"
        self.holders.append(holder)
        host = Host(name, address, holder.pid)
        (self.root / "pids" / name).write_text(str(holder.pid))
        call("ip", "link", "add", f"{self.port}{number}", "type", "veth", "peer", "name", "eth0", "netns", holder.pid)
        if self.delay_ms is None:
            call("ip", "link", "set", f"{self.port}{number}", "master", "bridge0")
        call("ip", "link", "set", f"{self.port}{number}", "up")
        call(*host.words("ip", "link", "set", "lo", "up"))
        call(*host.words("ip", "addr", "add", f"{address}/24", "dev", "eth0"))
        call(*host.words("ip", "link", "set", "eth0", "up"))
        self.hosts.append(host)

    def link(self, number, state):
        """Takes the cable of node`number` out ("down") or puts it back ("up")."""
        call("ip", "link", "set", f"{self.port}{number}", state)
        if state == "up":
            self.wait_reachable(self.hosts[number - 1], self.hosts[0])

    @staticmethod
    def wait_reachable(host, other, seconds=15):
        """A link that is up carries nothing for a moment: what asked in vain before is remembered as unreachable."""
        ask = "import socket, sys; s = socket.socket(); s.settimeout(1); sys.exit(s.connect_ex((sys.argv[1], 9)) not in (0, 111))"
        end = time.monotonic() + seconds
        while subprocess.run(host.words(sys.executable, "-c", ask, other.address)).returncode:
            assert time.monotonic() < end, f"{host.name} does not reach {other.name}"
            time.sleep(0.1)

    def launch(self, ranks, *words, **more):
        """mpirun on node1 with `ranks` = [ranks of node1, of node2, ...]."""
        places = ",".join(f"{host.name}:{count}" for host, count in zip(self.hosts, ranks) if count)
        environment = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
                       "OMPI_MCA_btl_vader_single_copy_mechanism": "none", "OMPI_MCA_plm_rsh_agent": str(self.agent), **KEEP_ALIVE}
        environment = {name: value for name, value in environment.items() if not name.startswith(("SLURM_", "PMI"))}
        line = self.hosts[0].words("mpirun", "-np", sum(ranks), "--host", places, "--bind-to", "none", "--oversubscribe", *words)
        return subprocess.Popen(line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)

    def run(self, ranks, *words, timeout=120):
        child = self.launch(ranks, *words)
        out, err = child.communicate(timeout=timeout)
        assert child.returncode == 0, f"{' '.join(map(str, words))}: {child.returncode}\n{out}{err}"
        return out + err

    def close(self):
        if self.switch:
            self.switch.kill()
            self.switch.wait()
        # A namespace goes some time after its last process; the next network may want these names at once.
        for number in range(1, len(self.hosts) + 1):
            subprocess.run(["ip", "link", "del", f"{self.port}{number}"], check=False)
        for holder in self.holders:
            holder.kill()
            holder.wait()
        if self.delay_ms is None:
            subprocess.run(["ip", "link", "del", "bridge0"], check=False)
