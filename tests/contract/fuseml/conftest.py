"""FuseML as its recordings have it, by either adapter, with the suite's own recordings and with real ones."""

import contextlib
from dataclasses import dataclass
from pathlib import Path

import pytest

from acceptance.options import read_settings
from acceptance.redaction.redactor import Redactor
from acceptance.workflows.fuseml.engine import FuseML
from acceptance.workflows.fuseml.opening import open_fuseml
from acceptance.workflows.model import Codeset
from tests.contract.fuseml.program import Program
from tests.contract.fuseml.recordings import REAL, Names
from tests.contract.fuseml.scripts import FIRST
from tests.contract.fuseml.server import Replay, replaying

KINDS = {"rest": "http", "cli": "cli"}
CODESET = Codeset("demo", "cifar10")


@dataclass
class Recorded:
    """FuseML by an adapter, and what stands in for it; `script` begins what it is asked."""

    client: str
    fuseml: FuseML
    replay: Replay
    program: Program
    redactor: Redactor
    directory: Path

    def check_over(self) -> None:
        """See that the whole script was asked, and nothing else."""
        if self.client == "rest":
            assert self.replay.is_over, (self.replay.at, self.replay.unexpected)
        else:
            assert self.program.is_over, (self.program.at, self.program.unexpected)


@pytest.fixture(params=["own", "real"])
def own(request):
    """Whether the recordings are the suite's own; skips where the real ones aren't at hand."""
    if request.param == "real" and not REAL.is_dir():
        pytest.skip(f"{REAL} isn't there, which has what a real FuseML answered")
    return request.param == "own"


@pytest.fixture
def recorded(tmp_path, own):
    """Returns FuseML by a client, which answers by a script."""
    context = contextlib.ExitStack()

    def make(client, script, **given):
        first = {} if own else {"first": FIRST[KINDS[client]]}
        replay = Replay(script if client == "rest" else [], tmp_path / "repositories", own, Names(dict(first)))
        context.enter_context(replaying(replay))
        program = Program(tmp_path / "bin", script if client == "cli" else [], replay)
        context.enter_context(program.running())
        options = {
            "target": "existing",
            "workflow": "fuseml",
            "fuseml_url": f"http://{replay.address}",
            "mlflow": "http://mlflow.example.org",
            "fuseml_client": client,
            **({"fuseml_cli": str(program.path)} if client == "cli" else {}),
        }
        directory, redactor = tmp_path / "fuseml", Redactor()
        settings = read_settings(options, ["existing"], {})
        fuseml = open_fuseml(settings, directory, redactor, given.get("beneath", lambda version: []), lambda run: "")
        return Recorded(client, fuseml, replay, program, redactor, directory)

    with context:
        yield make


@pytest.fixture(params=["rest", "cli"])
def client(request):
    return request.param


@pytest.fixture
def folder(tmp_path):
    """A codeset's folder."""
    folder = tmp_path / "codeset"
    (folder / "sub").mkdir(parents=True)
    (folder / "MLproject").write_text("name: made-up\n")
    (folder / "sub" / "train.py").write_text("print()\n")
    return folder
