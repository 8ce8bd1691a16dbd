"""What lm-evaluation-harness 0.4.13 writes, in small: three questions of three subjects of MMLU, plain and as turns.

    python -m venv V; V/bin/pip install lm-eval==0.4.13 torch transformers
    V/bin/python make_fixture.py MMLU_FOLDER MODEL_FOLDER OUT_FOLDER

MMLU_FOLDER holds dev/ and test/ as in jobs/data/mmlu. The tasks are lm-eval's own, with the data read from there; what
tells of the machine is taken out of the results. `mmlu_other` is left out, since no subject of it is asked.
"""
import csv
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import lm_eval
import yaml

SUBJECTS = {"abstract_algebra": "stem", "anatomy": "stem", "philosophy": "humanities"}
SHOTS, QUESTIONS = 2, 3
FORMATS = {"plain": [], "turns": ["--apply_chat_template", "--fewshot_as_multiturn", "true"]}


def write_data(mmlu, folder):
    configs = []
    for subject in SUBJECTS:
        (folder / subject).mkdir(parents=True)
        for split in ("dev", "test"):
            with open(mmlu / split / f"{subject}_{split}.csv", encoding="utf-8", newline="") as rows, \
                    open(folder / subject / f"{split}.jsonl", "w", encoding="utf-8") as out:
                for row in csv.reader(rows):
                    doc = {"question": row[0], "subject": subject, "choices": row[1:5], "answer": "ABCD".index(row[5])}
                    out.write(json.dumps(doc, ensure_ascii=False) + "\n")
        files = [{"split": split, "path": f"{subject}/{split}.jsonl"} for split in ("dev", "test")]
        configs.append({"config_name": subject, "data_files": files})
    (folder / "README.md").write_text("---\n" + yaml.safe_dump({"configs": configs}) + "---\n")


def write_tasks(data, folder):
    own = pathlib.Path(lm_eval.__file__).parent / "tasks/mmlu/default"
    folder.mkdir()
    template = (own / "_default_template_yaml").read_text()
    (folder / "_default_template_yaml").write_text(template.replace("cais/mmlu", str(data)))
    for subject in SUBJECTS:
        shutil.copy(own / f"mmlu_{subject}.yaml", folder)
    for group in sorted(set(SUBJECTS.values())):
        shutil.copy(own / f"_mmlu_{group}.yaml", folder)
    group = (own / "_mmlu.yaml").read_text()
    for name in ("other", "social_sciences"):
        group = group.replace(f"  - mmlu_{name}\n", "")
    (folder / "_mmlu.yaml").write_text(group)


def without_machine(results):
    for key in ("pretty_env_info", "date", "total_evaluation_time_seconds", "upper_git_hash", "git_hash"):
        results[key] = None
    for config in results["configs"].values():
        config["dataset_path"] = "cais/mmlu"
        config["metadata"]["config_source"] = None
    return results


def evaluate(work, model, words, out):
    environment = dict(os.environ, HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    subprocess.run([pathlib.Path(sys.executable).parent / "lm_eval", "run", "--model", "hf", "--model_args",
                    f"pretrained={model.name},dtype=float32", "--tasks", "mmlu", "--include_path", work / "tasks",
                    "--num_fewshot", str(SHOTS), "--limit", str(QUESTIONS), "--output_path", work / out.name,
                    "--log_samples", "--device", "cpu", *words], cwd=work, env=environment, check=True)
    out.mkdir(parents=True, exist_ok=True)
    for path in (work / out.name).rglob("*.json*"):
        if path.suffix == ".json":
            results = without_machine(json.loads(path.read_text(encoding="utf-8")))
            path.write_text(json.dumps(results, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        shutil.copy(path, out)


def main():
    mmlu, model, out = (pathlib.Path(argument).absolute() for argument in sys.argv[1:4])
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        write_data(mmlu, work / "data")
        write_tasks(work / "data", work / "tasks")
        (work / model.name).symlink_to(model)
        for form, words in FORMATS.items():
            evaluate(work, model, words, out / form)


if __name__ == "__main__":
    main()
