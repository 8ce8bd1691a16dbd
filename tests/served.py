"""The Python side of tests/serve.hpp: one process that is asked many times."""

import json
import subprocess


class Served:
    def __init__(self, program):
        self.process = subprocess.Popen([program, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, *words):
        """The exit code and what was printed, or the message of the error."""
        self.process.stdin.write(json.dumps([str(word) for word in words]) + "\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.startswith("= "):
                return int(line[2:]), "".join(lines)
            lines.append(line)
        raise AssertionError(f"{words}: the process ended with {self.process.wait()}: {''.join(lines)}")

    def call(self, *words):
        code, text = self.ask(*words)
        assert code == 0, (words, text)
        return text

    def close(self):
        self.process.stdin.close()
        assert self.process.wait() == 0
