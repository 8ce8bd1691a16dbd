"""A bare Debian in a folder, and commands in it, with file systems and processes of their own."""

import os
import pathlib
import shlex
import shutil
import subprocess

SUITES = {"debian:12": "bookworm"}
NOBODY = 65534
# As the images of debian.org have them.
SOURCES = """Types: deb
URIs: {mirror}
Suites: {suite} {suite}-updates
Components: main

Types: deb
URIs: {mirror}-security
Suites: {suite}-security
Components: main
"""
# What the network that a test stands in asks of programs.
NETWORK = ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "PIP_INDEX_URL", "PIP_CERT",
           "PIP_DEFAULT_TIMEOUT")


class BareRoot:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def make(self, base, mirror="http://deb.debian.org/debian"):
        """`base` names an image of SUITES; debootstrap makes the like of it: the packages that Debian calls required, and apt."""
        suite = SUITES[base]
        done = subprocess.run(["debootstrap", "--variant=minbase", suite, str(self.folder), mirror], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, f"debootstrap: {done.stdout[-2000:]}"
        (self.folder / "etc/apt/sources.list").unlink()
        (self.folder / "etc/apt/sources.list.d/debian.sources").write_text(SOURCES.format(mirror=mirror, suite=suite))
        shutil.copy("/etc/resolv.conf", self.folder / "etc/resolv.conf")
        # Certificates of this network; the package ca-certificates takes them up.
        own = self.folder / "usr/local/share/ca-certificates"
        for path in pathlib.Path("/usr/local/share/ca-certificates").glob("*.crt"):
            own.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, own)

    def copy(self, folder):
        subprocess.run(["cp", "-a", str(self.folder), str(folder)], check=True)
        return BareRoot(folder)

    def run(self, command, environment=None, binds=(), image=False, where="/"):
        """`command` by /bin/sh, with `environment` alone. Folders of `binds` are seen in it at their own paths, or at those of
        (outside, inside). image: as from an image, which nobody can write, by a user who is not root."""
        lines = ["set -e", "mount --make-rprivate /", f"mount --bind {self.folder} {self.folder}"]
        targets = []
        for bind in binds:
            source, target = bind if isinstance(bind, tuple) else (bind, bind)
            (self.folder / str(target).lstrip("/")).mkdir(parents=True, exist_ok=True)
            targets.append((shlex.quote(str(source)), shlex.quote(f"{self.folder}{target}")))
        if image:
            lines.append(f"mount -o remount,bind,ro {self.folder}")
        lines += [f"mount -t proc proc {self.folder}/proc", f"mount --rbind /dev {self.folder}/dev",
                  f"mount --rbind /sys {self.folder}/sys", f"mount -t tmpfs -o mode=1777 tmpfs {self.folder}/tmp"]
        lines += [f"mount --bind {source} {target}" for source, target in targets]
        words = ["exec", "chroot"] + (["--userspec", f"{NOBODY}:{NOBODY}"] if image else []) + [str(self.folder), "/usr/bin/env", "-i"]
        given = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp" if image else "/root"}
        given |= {name: os.environ[name] for name in NETWORK if name in os.environ} | (environment or {})
        words += [f"{name}={value}" for name, value in given.items()] + ["/bin/sh", "-ec", f"cd {shlex.quote(str(where))}\n{command}"]
        lines.append(shlex.join(words))
        return subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", "\n".join(lines)],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
