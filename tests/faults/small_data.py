"""A few questions of Spider and MMLU, in folders as the program reads them, so that a start takes no time for the others."""

import json
import shutil


def small_spider(data, folder, questions):
    """The first `questions` of one database, and as many examples as a training of a few steps needs. Returns the questions."""
    dev = json.loads((data / "dev.json").read_text())
    name = dev[0]["db_id"]
    mine = [row for row in dev if row["db_id"] == name][:questions]
    train = json.loads((data / "train_spider.json").read_text())[:6]
    used = {row["db_id"] for row in mine + train}
    tables = [entry for entry in json.loads((data / "tables.json").read_text()) if entry["db_id"] in used]
    (folder / "database").mkdir(parents=True)
    (folder / "dev.json").write_text(json.dumps(mine))
    (folder / "train_spider.json").write_text(json.dumps(train))
    (folder / "tables.json").write_text(json.dumps(tables))
    shutil.copytree(data / "database" / name, folder / "database" / name)
    return mine


def small_mmlu(data, folder, subjects):
    """The first lines of each subject."""
    for part in ("dev", "test"):
        (folder / part).mkdir(parents=True)
        for subject in subjects:
            rows = (data / part / f"{subject}_{part}.csv").read_bytes().splitlines(keepends=True)[:6]
            (folder / part / f"{subject}_{part}.csv").write_bytes(b"".join(rows))
