"""jobs/setup.sh for somebody without rights whose packages are missing: told what to ask for, or --no-packages.

usage: setup_test.py ROOT
Ends with 77 ("skipped") where this is not root, who alone can become somebody else, or where there is no dpkg.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SKIPPED, NOBODY = 77, 65534


def set_up(root, scratch, *words):
    """As nobody, in a folder that is not nobody's, and with a dpkg that knows of no package."""
    environment = {"PATH": str(scratch / "bin"), "HOME": "/nonexistent", "DPKG_ADMINDIR": str(scratch / "dpkg")}
    line = [shutil.which("setpriv"), f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "/bin/bash", str(root / "jobs/setup.sh"), *words]
    done = subprocess.run(line, env=environment, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def main(root):
    if os.getuid() != 0 or not shutil.which("dpkg-query"):
        print("skipped: this is not root, or not a Debian")
        return SKIPPED
    with tempfile.TemporaryDirectory(prefix="tr-setup-") as folder:
        scratch = pathlib.Path(folder)
        scratch.chmod(0o755)
        (scratch / "dpkg").mkdir()
        (scratch / "bin").mkdir()
        # No sudo.
        for name in ("apt-get", "awk", "bash", "df", "dirname", "dpkg-query", "grep", "id", "python3", "timeout"):
            (scratch / "bin" / name).symlink_to(shutil.which(name, path="/usr/bin:/bin"))
        checkout = scratch / "checkout"
        shutil.copytree(root / "jobs", checkout / "jobs", ignore=shutil.ignore_patterns("data"))
        code, text = set_up(checkout, scratch)
        assert code == 1 and "As root: apt-get install g++ cmake" in text and "jobs/setup.sh --no-packages" in text, (code, text)
        assert not (checkout / ".venv").exists()
        # Goes on to what it makes itself, which nobody may not make here.
        code, text = set_up(checkout, scratch, "--no-packages")
        assert code == 1 and "packages are missing" not in text and "-m venv .venv failed" in text, (code, text)
    return 0


sys.exit(main(pathlib.Path(sys.argv[1])))
