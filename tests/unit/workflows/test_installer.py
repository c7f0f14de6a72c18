"""FuseML's installer, which small programs stand in for: how it is called, and what comes of its end."""

import json
import os
import stat
import sys

import pytest

from acceptance.errors import AcceptanceError
from acceptance.options import read_settings
from acceptance.redaction.redactor import Redactor
from acceptance.workflows.fuseml import installer

DOMAIN = "192.0.2.7.nip.io"
INSTALLER = """
import json, os, pathlib, sys
file = pathlib.Path(os.environ["KUBECONFIG"])
about = {"argv": sys.argv[1:], "kubeconfig": file.read_text(), "mode": file.stat().st_mode, "folder": os.getcwd()}
pathlib.Path(__file__).with_name("called.json").write_text(json.dumps(about))
"""
FAILS = "import sys\nprint('installing mlflow')\nsys.exit('no StorageClass; token a-secret-of-the-cluster')\n"
KUBECTL = "import sys\nprint('of', *sys.argv[1:])\n"


@pytest.fixture
def programs(tmp_path, monkeypatch):
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def write(**bodies):
        for name, body in bodies.items():
            (folder / name.replace("_", "-")).write_text(f"#!{sys.executable} -IS\n{body}")
            (folder / name.replace("_", "-")).chmod(0o755)
        return folder

    return write


def install(tmp_path, kubeconfig=None):
    (tmp_path / "own").mkdir()
    redactor = Redactor(["a-secret-of-the-cluster"])
    installer.install(DOMAIN, "lab", kubeconfig, tmp_path / "own", redactor)


@pytest.mark.parametrize("named", [True, False])
def test_it_is_called_for_the_runs_cluster_alone(programs, tmp_path, named):
    folder = programs(fuseml_installer=INSTALLER, kubectl=KUBECTL)
    install(tmp_path, tmp_path / "kubeconfig" if named else None)
    called = json.loads((folder / "called.json").read_text())
    assert called["argv"] == ["install", "--extensions", "mlflow,kserve", "--system-domain", DOMAIN]
    given = f"--kubeconfig {tmp_path}/kubeconfig " if named else ""
    assert called["kubeconfig"] == f"of {given}--context lab config view --raw --minify --flatten\n"
    assert stat.S_IMODE(called["mode"]) == 0o600
    assert called["folder"] == str(tmp_path / "own")
    assert not list((tmp_path / "own").iterdir())  # the kubeconfig has keys in it


def test_an_installation_that_fails_is_said_in_its_own_words_without_secrets(programs, tmp_path):
    programs(fuseml_installer=FAILS, kubectl=KUBECTL)
    with pytest.raises(AcceptanceError) as failed:
        install(tmp_path)
    assert str(failed.value).splitlines() == [
        "fuseml-installer ended with exit code 1",
        "installing mlflow",
        "no StorageClass; token [redacted]",
    ]
    assert not list((tmp_path / "own").iterdir())


def test_a_context_that_kubectl_refuses_installs_nothing(programs, tmp_path):
    folder = programs(fuseml_installer=INSTALLER, kubectl="import sys\nsys.exit('no context lab')\n")
    with pytest.raises(AcceptanceError, match="kubectl ended with exit code 1\nno context lab"):
        install(tmp_path)
    assert not (folder / "called.json").exists()


def test_what_it_takes_is_named_where_it_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    given = {"target": "existing", "workflow": "fuseml", "mlflow": "http://m", "fuseml_install": DOMAIN}
    found = installer.problems(read_settings(given, ["existing"], {}))
    assert [problem.what.split()[1] for problem in found] == ["fuseml-installer", "kubectl", "helm"]
    assert installer.problems(read_settings({}, ["embedded"], {})) == []
