"""The recipes of an image, slurm/container, read into the same steps. What is not known here is refused by name."""

import dataclasses
import json
import pathlib
import re


@dataclasses.dataclass
class Recipe:
    base: str = ""                                       # debian:12
    copies: list = dataclasses.field(default_factory=list)       # (path in the checkout, path in the image)
    commands: list = dataclasses.field(default_factory=list)     # in turn, as root, by /bin/sh
    environment: dict = dataclasses.field(default_factory=dict)  # as the shell takes it
    start: list = dataclasses.field(default_factory=list)        # the words before those of a user


def refuse(path, number, line, expected):
    raise ValueError(f"{path}:{number}: found {line!r}; expected {expected}")


def inside(source, target):
    """Where a copy to `target` ends: in it, where it is told to be a folder."""
    return target + pathlib.PurePosixPath(source).name if target.endswith("/") else target


def read_apptainer(path):
    recipe, section = Recipe(), ""
    for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if line.startswith("%"):
            section = line.strip()
            if section not in ("%files", "%post", "%environment", "%runscript"):
                refuse(path, number, line, "%files, %post, %environment or %runscript")
        elif section == "" and re.fullmatch("From: .+", line):
            recipe.base = words[1]
        elif section == "" and line == "Bootstrap: docker":
            pass
        elif section == "%files" and len(words) == 2:
            recipe.copies.append((words[0], inside(*words)))
        elif section == "%post":
            recipe.commands.append(line.strip())
        elif section == "%environment" and (found := re.fullmatch(r"\s*export (\w+)=(\S+)", line)):
            recipe.environment[found[1]] = found[2]
        elif section == "%runscript" and words[0] == "exec" and words[-1] == '"$@"':
            recipe.start = words[1:-1]
        else:
            refuse(path, number, line, f"a line of {section or 'the header'} as this test knows them")
    return recipe


def read_dockerfile(path):
    recipe, arguments = Recipe(), {}
    text = pathlib.Path(path).read_text()
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if words[0] == "FROM" and len(words) == 2:
            recipe.base = words[1]
        elif words[0] == "ARG" and "=" in line:
            name, _, value = words[1].partition("=")
            arguments[name] = value
        elif words[0] == "COPY" and len(words) >= 3:
            recipe.copies += [(source, inside(source, words[-1])) for source in words[1:-1]]
        elif words[0] == "RUN":
            command = line.removeprefix("RUN ")
            for name, value in arguments.items():
                command = command.replace(f"${name}", value)
            recipe.commands += command.split(" && ")
        elif words[0] == "ENV" and (found := re.fullmatch(r"ENV (\w+)=(\S+)", line)):
            recipe.environment[found[1]] = found[2]
        elif words[0] == "ENTRYPOINT":
            recipe.start = json.loads(line.removeprefix("ENTRYPOINT "))
        else:
            refuse(path, number, line, "FROM, ARG, COPY, RUN, ENV or ENTRYPOINT in the form that this test knows")
    return recipe


def read(path):
    recipe = (read_apptainer if pathlib.Path(path).suffix == ".def" else read_dockerfile)(path)
    for name, value in vars(recipe).items():
        if not value:
            raise ValueError(f"{path}: no {name}")
    return recipe
