"""The codeset as it is registered: whoever runs it gives no parameters, so the recipe and the data are its own."""

import shutil
from pathlib import Path
from typing import Any

import yaml

from acceptance.training.recipes import Recipe

PROJECT, CONDA = "MLproject", "conda.yaml"
# within the codeset
DATA = "cifar-10-batches-py"


def write_codeset(folder: Path, codeset: Path, recipe: Recipe, data: Path) -> Path:
    """Write the codeset with the recipe's parameters as its defaults, and with the data set in it."""
    shutil.copytree(codeset, folder, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    shutil.copytree(data, folder / DATA)
    project = yaml.safe_load((codeset / PROJECT).read_text(encoding="utf-8"))
    if environment := project.pop("python_env", ""):  # MLflow before 1.27, which FuseML's builder has, knows conda's
        project["conda_env"] = CONDA
        write(folder / CONDA, conda(yaml.safe_load((codeset / environment).read_text(encoding="utf-8"))))
    parameters = project["entry_points"]["main"]["parameters"]
    # relative to the codeset, wherever it is run
    parameters["data"] = {"type": "string", "default": DATA}
    for name, value in recipe.parameters.items():
        parameters[name]["default"] = value
    write(folder / PROJECT, project)
    return folder


def conda(environment: dict[str, Any]) -> dict[str, Any]:
    """Return conda's environment that has what MLflow's own has."""
    packages = [f"python={environment['python']}", "pip", {"pip": environment["dependencies"]}]
    return {"name": "codeset", "channels": ["conda-forge"], "dependencies": packages}


def write(file: Path, tree: Any) -> None:
    file.write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
