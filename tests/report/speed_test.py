"""The report of 3 arms x 5 seeds x (1,034 + 14,042) questions, 10,000 bootstrap draws: at most 20 s of one core and
500 MiB; the page of the origin's study (200 + 150 questions, 3 arms, 3 seeds) is below 5 MB.

usage: speed_test.py REPORT_SYNTHETIC REPORT_FILES FOLDER
"""

import json
import pathlib
import shutil
import subprocess
import sys


def report(synthetic, files, folder, seeds, spider, mmlu):
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([synthetic, folder, str(seeds), str(spider), str(mmlu)], check=True)
    took = json.loads(subprocess.run([files, folder, "--exports"], check=True, capture_output=True, text=True).stdout)
    took["html_mb"] = (folder / "report.html").stat().st_size / 1e6
    shutil.rmtree(folder)
    print(f"{seeds} seeds x ({spider} + {mmlu}) questions: {took}")
    return took


def main(synthetic, files, scratch):
    scratch = pathlib.Path(scratch)
    small = report(synthetic, files, scratch / "speed-small", 3, 200, 150)
    assert small["html_mb"] < 5, small
    large = report(synthetic, files, scratch / "speed-large", 5, 1034, 14042)
    assert large["cpu_s"] < 20, large
    assert large["peak_mib"] < 500, large


if __name__ == "__main__":
    main(*sys.argv[1:])
