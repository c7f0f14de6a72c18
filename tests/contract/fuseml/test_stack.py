"""A stack's own part of a walk: what it tells the guardian and the user, and that `--keep` leaves all as it is."""

import dataclasses
from types import SimpleNamespace
from typing import Any

import pytest

from acceptance.options import read_settings
from acceptance.stacks.kubernetes import KubernetesStack
from acceptance.stacks.workspace import Workspace
from acceptance.training.recipes import Recipe
from tests.contract.fuseml.recordings import Names
from tests.contract.fuseml.scripts import BACK, SERVER
from tests.contract.fuseml.server import Replay, replaying
from tests.light_training import CODESET

REGISTERED = SERVER[: SERVER.index("codeset-register-new-project") + 1]


class Guardian:
    def __init__(self) -> None:
        self.told: list[list[str]] = []

    def afterwards(self, command, fix):
        self.told.append(command[-3:])


class OnNoCluster(KubernetesStack):
    installed = ""

    def install_fuseml(self, directory):
        assert directory.stat().st_mode & 0o77 == 0
        self.installed += self.settings.fuseml_install

    def fuseml_beneath(self, version):
        return []


@pytest.mark.parametrize(("keep", "more", "domain"), [(True, [], ""), (False, BACK[2:], "192.0.2.7.nip.io")])
def test_what_a_walk_made_is_deleted_at_its_end_or_kept_with_the_command_that_deletes_it(tmp_path, keep, more, domain):
    (tmp_path / "data").mkdir()
    replay = Replay([*REGISTERED, *more], tmp_path / "git", True, Names())
    guardian, dataset = Guardian(), SimpleNamespace(folder=tmp_path / "data")
    with replaying(replay):
        options = {"workflow": "fuseml", "fuseml_url": f"http://{replay.address}", "mlflow": "http://mlflow.org"}
        options |= {"fuseml_install": domain} if domain else {}
        settings = read_settings({"target": "existing", **options}, ["existing"], {})
        workspace = Workspace(tmp_path, tmp_path)
        stack: Any = OnNoCluster(dataclasses.replace(settings, keep=keep), workspace, lambda text: None, CODESET)
        stack.processes = guardian
        with stack.walk(Recipe("cpu", "quick", 2), dataset) as walk:
            codeset = walk.register()
    assert replay.is_over, replay.unexpected
    assert stack.installed == domain
    (command,) = guardian.told
    assert command == [f"http://{replay.address}", codeset.project, walk.workflow.name]
    kept = f"FuseML: codeset {codeset}; remove: "
    assert [line.startswith(kept) and line.endswith(" ".join(command)) for line in stack.kept_walks] == [True] * keep
    assert stack.workflow_facts["FuseML"].startswith("v0.3.0 (contract: ")
    assert "PASSWORD" not in workspace.redactor.text("it is PASSWORD")
    assert not list(tmp_path.glob("walk-*"))
