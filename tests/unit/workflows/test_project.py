"""The codeset as it is registered."""

import yaml

from acceptance.paths import CODESET
from acceptance.training.recipes import Recipe
from acceptance.workflows.project import DATA, write_codeset


def test_the_codeset_has_the_recipe_and_the_data_by_itself(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "batch").write_bytes(b"x")
    folder = write_codeset(tmp_path / "codeset", CODESET, Recipe("cpu", "quick", 60, 128, seed=3), tmp_path / "data")
    project = yaml.safe_load((folder / "MLproject").read_text())
    parameters = project["entry_points"]["main"]["parameters"]
    assert {name: parameter["default"] for name, parameter in parameters.items()} == {
        **{"data": DATA, "epochs": "60", "batch_size": "128", "profile": "quick", "seed": "3"}
    }
    assert (folder / DATA / "batch").read_bytes() == b"x"
    assert (folder / "train.py").read_bytes() == (CODESET / "train.py").read_bytes()
    assert not list(folder.rglob("__pycache__"))


def test_an_mlflow_that_knows_conda_alone_finds_the_same_packages(tmp_path):
    (tmp_path / "data").mkdir()
    folder = write_codeset(tmp_path / "codeset", CODESET, Recipe("cpu", "quick", 2), tmp_path / "data")
    project = yaml.safe_load((folder / "MLproject").read_text())
    conda = yaml.safe_load((folder / project["conda_env"]).read_text())
    own = yaml.safe_load((CODESET / "python_env.yaml").read_text())
    assert conda["dependencies"][0] == f"python={own['python']}"
    assert conda["dependencies"][2]["pip"] == own["dependencies"]
    assert "python_env" not in project
