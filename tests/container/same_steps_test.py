"""Both recipes of slurm/container take the same steps, and copy everything that the build needs.

usage: same_steps_test.py ROOT
"""

import pathlib
import sys

import recipe


def main(root):
    folder = pathlib.Path(root) / "slurm" / "container"
    apptainer, docker = recipe.read(folder / "tradeoff.def"), recipe.read(folder / "Dockerfile")
    for name in vars(apptainer):
        found = [getattr(one, name) for one in (apptainer, docker)]
        assert found[0] == found[1], f"{name}: tradeoff.def has {found[0]}, Dockerfile {found[1]}"
    missing = [source for source, _ in apptainer.copies if not (pathlib.Path(root) / source).exists()]
    assert not missing, f"copied, and not in the checkout: {missing}"


if __name__ == "__main__":
    main(*sys.argv[1:])
