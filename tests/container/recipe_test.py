"""The steps of a recipe (slurm/container), read from its file, in a bare Debian that debootstrap makes in the place of the
base image; then the program in it, as from an image: read only, by a user who is not root. Its answers are those of the
program outside, byte for byte. The Debian package of the same
build is installed in another bare Debian, and runs a small demo. What Apptainer and Docker themselves do is not tried.

usage: recipe_test.py ROOT RECIPE TRADEOFF MODEL
The recipe installs ccache, and finds in it what this machine's user has compiled before: only a first run compiles all.
Ends with 77 ("skipped") where it is not root.
"""

import os
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

import recipe
from bare_root import BareRoot, NOBODY

SKIPPED = 77


class Test:
    def __init__(self, root, path, program, model, work):
        self.root, self.recipe = pathlib.Path(root).resolve(), recipe.read(path)
        self.program, self.model, self.work = pathlib.Path(program).resolve(), pathlib.Path(model).resolve(), work
        self.begun = time.monotonic()

    def tell(self, text):
        print(f"   {text} ({time.monotonic() - self.begun:.0f} s)", flush=True)
        self.begun = time.monotonic()

    def the_steps_run(self):
        self.bare = BareRoot(self.work / "root")
        self.bare.make(self.recipe.base)
        self.untouched = self.bare.copy(self.work / "packaged")
        self.tell(f"a bare {self.recipe.base}")
        for source, target in self.recipe.copies:
            inside = self.bare.folder / target.lstrip("/")
            inside.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(["cp", "-a", str(self.root / source), str(inside)], check=True)
        cache = subprocess.check_output(["ccache", "--get-config", "cache_dir"], text=True).strip()
        pathlib.Path(cache).mkdir(parents=True, exist_ok=True)
        compiled = {"CCACHE_DIR": "/var/cache/ccache", "CCACHE_BASEDIR": "/opt", "CCACHE_NOHASHDIR": "1", "LANG": "C.UTF-8"}
        for command in self.recipe.commands:
            done = self.bare.run(command, compiled, binds=[(cache, "/var/cache/ccache")])
            assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}"
            self.tell(command)
            self.make_package()
        size = int(subprocess.check_output(["du", "-sxm", str(self.bare.folder)], text=True).split()[0])
        self.tell(f"{size / 1024:.1f} GiB of disk")

    def make_package(self):
        """Of the first command's build, which is one for other machines (TRADEOFF_PACKAGE), before the next one removes it."""
        build = self.bare.folder / "opt/source/build/release"
        if not build.exists() or list(self.work.glob("*.deb")):
            return
        done = self.bare.run("cpack -G DEB", where="/opt/source/build/release")
        assert done.returncode == 0, done.stdout
        for path in build.glob("*.deb"):
            shutil.move(path, self.work)
            self.tell(f"{path.name}")

    def inside(self, *words, **more):
        exports = "".join(f"export {name}={value}\n" for name, value in self.recipe.environment.items())
        done = self.bare.run(exports + "exec " + shlex.join([*self.recipe.start, *map(str, words)]), image=True, **more)
        assert done.returncode == 0, f"{words}\n{done.stdout}"
        return done.stdout

    def it_says_what_it_is(self):
        version = subprocess.check_output([self.program, "version"], text=True).split()[:2]
        found = self.inside("version")
        assert found.split()[:2] == version, f"{found}; outside: {version}"
        told = self.inside("doctor")
        assert "So it can run" in told, told
        print("   " + told.strip().replace("\n", "\n   "), flush=True)

    def answers_are_those_outside(self):
        """Two ranks in the image: the launcher is its own."""
        shared = self.work / "shared"
        items = ["prepare", "spider", "--quiet", "--data", self.root / "jobs/data/spider", "--model", self.model, "--output-dir", shared,
                 "--questions=4", "--shots=1"]
        subprocess.run([self.program, *map(str, items)], check=True, stdout=subprocess.DEVNULL)
        os.chown(shared, NOBODY, NOBODY)
        self.words = ["predict", "--quiet", "--device=cpu", "--threads=1", "--model", self.model, "--task=spider", "--items",
                      shared / "dev_formatted.jsonl", "--max-new-tokens=16", "--chunk-size=1", "--ranks=2"]
        subprocess.run([self.program, *map(str, self.words), "--out", str(shared / "outside.jsonl")], check=True)
        self.inside(*self.words, "--out", shared / "inside.jsonl", binds=[shared, self.model], where=shared)
        outside, inside = ((shared / f"{name}.jsonl").read_bytes() for name in ("outside", "inside"))
        assert outside.count(b"\n") == 4 and outside == inside, f"outside\n{outside.decode()}\ninside\n{inside.decode()}"
        self.tell("the answers of two ranks in it are those of two ranks outside")

    def the_package_runs_the_demo_on_a_bare_debian(self):
        package, = self.work.glob("*.deb")
        shutil.copy(package, self.untouched.folder / "opt")
        for command in ("apt-get update", f"DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends /opt/{package.name}",
                        "/usr/share/tradeoff/jobs/fetch.sh torch --cuda off", "/usr/share/tradeoff/jobs/fetch.sh model /opt/model",
                        "tradeoff run /usr/share/tradeoff/jobs/demo.ini --model /opt/model --output-dir /opt/demo --ranks 2 "
                        "--spider.questions 6 --mmlu.questions 6 --max-steps 2 --max-new-tokens 16"):
            done = self.untouched.run(command, where="/opt")
            assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}"
            self.tell(command)
        assert (self.untouched.folder / "opt/demo/report.html").exists() and (self.untouched.folder / "opt/demo/complete.json").exists()


def main(*given):
    if os.geteuid() != 0:
        print("skipped: making a root folder of Debian needs root")
        return SKIPPED
    work = pathlib.Path(tempfile.mkdtemp(prefix="tradeoff-image-", dir="/var/tmp"))
    work.chmod(0o755)
    try:
        test = Test(*given, work)
        for name in ("the_steps_run", "it_says_what_it_is", "answers_are_those_outside", "the_package_runs_the_demo_on_a_bare_debian"):
            print(name, flush=True)
            getattr(test, name)()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
