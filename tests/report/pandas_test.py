"""The recipe that README.md gives for pandas, run as it stands there on a made-up study, gives the accuracies of the report.

usage: pandas_test.py REPORT_SYNTHETIC REPORT_FILES README FOLDER
"""

import contextlib
import io
import json
import pathlib
import re
import shutil
import subprocess
import sys


def recipe_of(readme):
    """The indented lines behind the paragraph that begins with **In pandas.**"""
    after = readme.split("**In pandas.**", 1)[1]
    block = re.search(r"\n\n((?:    [^\n]*\n)+)", after).group(1)
    return "\n".join(line[4:] for line in block.splitlines())


def main(synthetic, files, readme, folder):
    folder = pathlib.Path(folder) / "pandas"
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([synthetic, folder, "2", "60", "30"], check=True)
    subprocess.run([files, folder, "--exports"], check=True, stdout=subprocess.DEVNULL)
    recipe = recipe_of(pathlib.Path(readme).read_text())
    assert "results/demo/export/" in recipe, recipe
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(recipe.replace("results/demo", str(folder)), names)
    rows, report = names["rows"], json.loads((folder / "report.json").read_text())
    assert len(rows) == 3 * 2 * 60 + (1 + 2 * 2) * 30, len(rows)
    for (arm, task), accuracy in rows.groupby(["arm", "task"]).correct.mean().items():
        assert abs(accuracy - report["arms"][arm][task]["accuracy"]) < 1e-12, (arm, task, accuracy)
    databases = set(rows[rows.task == "spider"].cluster)
    assert databases and all(name in printed.getvalue() for name in databases), printed.getvalue()
    shutil.rmtree(folder)
    print(f"{len(rows)} rows; {len(databases)} databases in the table that the recipe prints")


if __name__ == "__main__":
    main(*sys.argv[1:])
