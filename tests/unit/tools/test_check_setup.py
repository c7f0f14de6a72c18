"""What the set-up made, against what it was to make."""

import re
from pathlib import Path

import pytest

from tools.check_setup import broken_program, problem, requirements, wrong_packages

LOCK = {"package": [{"name": "made-up", "version": "1.2"}, {"name": "made-up", "version": "1.3"}]}


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Put a package into a folder that this Python looks in; return the folder."""

    def put(name, version):
        about = tmp_path / f"{name.replace('-', '_')}-{version}.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        monkeypatch.syspath_prepend(tmp_path)
        return tmp_path

    return put


def test_the_requirements_are_the_projects_the_extras_and_the_developers():
    project = {
        "project": {
            "dependencies": ["One[x]>=2", "two==1"],
            "optional-dependencies": {"cpu": ["three"], "gpu": ["four"]},
        },
        "dependency-groups": {"dev": ["five>=1"]},
    }
    assert requirements(project, "gpu") == ["one", "two", "four", "five"]


def test_a_package_as_it_is_locked_is_right(install):
    assert list(wrong_packages(["made-up"], LOCK, install("made-up", "1.3"))) == []


def test_a_package_that_is_missing_is_named():
    (wrong,) = wrong_packages(["made-up"], LOCK, Path())
    assert wrong == "made-up is missing"


def test_another_version_than_the_locked_is_named(install):
    (wrong,) = wrong_packages(["made-up"], LOCK, install("made-up", "1.4"))
    assert all(version in wrong for version in ("1.4", "1.2", "1.3"))


def test_a_package_of_another_environment_is_named(install, tmp_path):
    folder = install("made-up", "1.3")
    (wrong,) = wrong_packages(["made-up"], LOCK, tmp_path / "another")
    assert str(folder) in wrong


def test_a_program_that_does_not_start_is_named(tmp_path):
    (wrong,) = broken_program(tmp_path / "vegeta")
    assert str(tmp_path / "vegeta") in wrong


def test_all_that_is_wrong_is_one_line_with_the_fix(tmp_path, monkeypatch):
    dependencies = ["made-up", "b", "c", "d"]
    (tmp_path / "pyproject.toml").write_text(
        f"[project]\ndependencies = {dependencies}\n"
        "optional-dependencies = {cpu = []}\n"
        "[dependency-groups]\ndev = []\n"
    )
    (tmp_path / "uv.lock").write_text("package = []\n")
    monkeypatch.chdir(tmp_path)
    said = problem(tmp_path, "cpu")
    assert re.match(r"\.venv .*made-up is missing; b is missing; c is missing; and 2 more; remove \.venv", said)
