"""Comments of the sources as they were written: the formatter may not touch them (it broke drawings and tables), so that
their width is held here, and declarations that a long trailing comment tore apart are found.

    comments.py ROOT
"""

import pathlib
import re
import sys

WIDTH = 100
# "  std::int64_t root_tokens =" before "      0;  // a comment that did not fit".
TORN = re.compile(r"^\s+[\w.]+(?: = [\w{}]+)?;\s+//")


def problems(path):
    lines = path.read_text(encoding="utf-8").split("\n")
    fenced = False
    for i, line in enumerate(lines):
        fenced = "clang-format off" in line or fenced and "clang-format on" not in line
        if len(line) > WIDTH and line.lstrip().startswith("//") and not fenced:
            yield f"{path}:{i + 1}: {len(line)} characters, expected at most {WIDTH}"
        before = lines[i - 1].rstrip() if i > 0 else ""
        if TORN.match(line) and "//" not in before and re.search(r"[\w>=]$", before):
            yield f"{path}:{i + 1}: a trailing comment tore this from the line before; put the comment above both"


def main(root):
    assert "ReflowComments: false" in (root / ".clang-format").read_text(), ".clang-format: expected ReflowComments: false"
    torn = ["  std::int64_t root =", "      0;  // shared"]
    assert TORN.match(torn[1]) and not TORN.match("  x = 0;"), "the pattern does not find what it is for"
    paths = [path for folder in ("include", "src", "tests") for path in sorted((root / folder).rglob("*"))
             if path.suffix in (".hpp", ".cpp", ".cu", ".cuh")]
    assert len(paths) > 100, f"found {len(paths)} sources under {root}; is it the root?"
    found = [problem for path in paths for problem in problems(path)]
    assert not found, "\n" + "\n".join(found)
    print(f"{len(paths)} sources")


main(pathlib.Path(sys.argv[1]))
