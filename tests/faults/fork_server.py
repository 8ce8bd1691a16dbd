"""Runs of a study in forks of one loaded program (fork_server.cpp)."""

import os
import pathlib
import select
import signal
import subprocess
import types

# A run takes half a second; with 15 processes a core it took more than 60.
LIMIT_S = 120


class ForkServer:
    def __init__(self, study):
        self.study, self.output = study, study.work / f"output-{os.getpid()}"
        # The whole program: `tradeoff` itself would load it at every start.
        program = pathlib.Path(study.program).with_name("tradeoff-full")
        environment = study.environment | {"LD_PRELOAD": str(study.shim), "FAULT_SERVER": "1"}
        # Unbuffered, so that select sees what has not been read.
        self.process = subprocess.Popen([program], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def number(self):
        """A line of the server."""
        line = self.process.stdout.readline()
        assert line, f"the server ended: {self.process.wait()}"
        return int(line)

    def run(self, folder, fault="none:0", count=None):
        """As Study.run; one that has not ended after LIMIT_S is killed, and TimeoutError raised."""
        variables = [f"{key}={value}" for key, value in self.study.fault(folder, fault, count=count).items() if key != "LD_PRELOAD"]
        fields = [self.output, *variables, "", *self.study.words(folder)]
        self.process.stdin.write("\x1f".join(map(str, fields)).encode() + b"\n")
        pid = self.number()
        ended = select.select([self.process.stdout], [], [], LIMIT_S)[0]
        if not ended:
            os.killpg(pid, signal.SIGKILL)
        status = self.number()
        output = self.output.read_text(errors="replace")
        if not ended:
            raise TimeoutError(f"not ended after {LIMIT_S} s: {output}")
        return types.SimpleNamespace(returncode=os.waitstatus_to_exitcode(status), stderr=output)
