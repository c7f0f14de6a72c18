"""The options of what runs workflows."""

from pathlib import Path

import pytest

from acceptance.errors import BadSetting
from acceptance.options import read_settings
from acceptance.workflows.fuseml import opening

TARGETS = ("embedded", "docker", "existing", "kind", "k3d")
GIVEN = {"target": "existing", "workflow": "fuseml", "mlflow": "http://mlflow.fuseml.example.org"}
URL = "http://fuseml-core.example.org"


def read(environment=None, **given):
    return read_settings({**GIVEN, **given}, TARGETS, environment or {})


def test_fuseml_is_asked_by_its_api_unless_told_otherwise(tmp_path):
    settings = read(fuseml_url=f"{URL}/")
    assert (settings.workflow, settings.fuseml_url, settings.fuseml_client) == ("fuseml", URL, "rest")
    assert settings.by_workflow
    (tmp_path / "fuseml").touch()
    settings = read({"FUSEML_SERVER_URL": URL}, fuseml_client="cli", fuseml_cli=str(tmp_path / "fuseml"))
    assert (settings.fuseml_url, settings.fuseml_cli) == (URL, tmp_path / "fuseml")


def test_without_it_fusemls_own_variable_is_none_of_the_runs_business():
    settings = read_settings({}, TARGETS, {"FUSEML_SERVER_URL": "nonsense"})
    assert (settings.workflow, settings.fuseml_url, settings.by_workflow) == ("mlflow", "", False)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"target": "embedded"},
            "--workflow fuseml: only --target existing or kind or k3d uses it, and the target is em",
        ),
        ({"target": "docker"}, "--workflow fuseml: only --target existing or kind or k3d uses it"),
        ({}, "--workflow fuseml: needs FuseML's server; name it with --fuseml-url or FUSEML_SERVER_URL, http://HOST:"),
        (
            {"mlflow": "", "fuseml_url": URL},
            "--workflow fuseml: its trainer tracks on the MLflow of FuseML's extension",
        ),
        (
            {"fuseml_url": "fuseml.example.org"},
            "--fuseml-url fuseml.example.org: must be http://HOST:PORT or https://HO",
        ),
        ({"fuseml_url": f"{URL}/fuseml"}, f"--fuseml-url {URL}/fuseml: must be .*, without a path"),
        ({"fuseml_url": "http://me:geheim@x"}, "--fuseml-url: has a user in it, and FuseML asks for none"),
        ({"fuseml_url": "http://x:abc"}, "--fuseml-url http://x:abc: must be"),
        ({"fuseml_url": URL, "fuseml_cli": "/bin/sh"}, "--fuseml-cli /bin/sh: only --fuseml-client cli uses it"),
        ({"workflow": "mlflow", "fuseml_url": URL}, "--fuseml-url .*: only --workflow fuseml uses it; leave it out"),
        ({"fuseml_install": "Nip_io"}, "--fuseml-install Nip_io: must be a domain in small letters"),
        ({"fuseml_install": "-x.io --force"}, "--fuseml-install -x.io --force: must be a domain"),
        ({"workflow": "mlflow", "fuseml_install": "x.io"}, "--fuseml-install x.io: only --workflow fuseml uses it"),
        ({"workflow": "mlflow", "fuseml_client": "cli"}, "--fuseml-client cli: only --workflow fuseml uses it"),
        ({"workflow": "tekton"}, "--workflow tekton: unknown; choose one of mlflow, fuseml"),
    ],
)
def test_what_cannot_be_is_named(given, words):
    with pytest.raises(BadSetting, match=words) as error:
        read(**given)
    assert "geheim" not in str(error.value)


def test_what_is_installed_is_asked_where_the_installer_puts_it():
    assert read(fuseml_install="192.0.2.7.nip.io").fuseml_url == "http://fuseml-core.192.0.2.7.nip.io"
    settings = read(fuseml_install="192.0.2.7.nip.io", fuseml_url=URL)
    assert (settings.fuseml_url, settings.fuseml_install) == (URL, "192.0.2.7.nip.io")


def test_what_comes_from_a_lesser_place_gives_way_to_the_target():
    settings = read_settings({"target": "embedded"}, TARGETS, {"ACCEPTANCE_WORKFLOW": "fuseml"})
    assert settings.workflow == "mlflow"


def test_programs_that_are_missing_are_named_before_anything_starts(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = opening.problems(read(fuseml_url=URL, fuseml_client="cli"))
    assert [problem.what for problem in found] == ["git is not on the PATH", "fuseml is not on the PATH"]
    assert [problem.what for problem in opening.problems(read(fuseml_url=URL))] == ["git is not on the PATH"]
    assert opening.problems(read_settings({}, TARGETS, {})) == []
    assert opening.program_of(read(fuseml_url=URL, fuseml_client="cli", fuseml_cli="/bin/sh")) == str(Path("/bin/sh"))
