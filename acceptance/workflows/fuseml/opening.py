"""FuseML as a run's options name it."""

import shutil
from collections.abc import Callable
from pathlib import Path

from acceptance.errors import Problem
from acceptance.redaction.redactor import Redactor
from acceptance.settings import Settings
from acceptance.workflows.fuseml.cli import CliPort
from acceptance.workflows.fuseml.engine import FuseML
from acceptance.workflows.fuseml.port import Port
from acceptance.workflows.fuseml.rest import RestPort
from acceptance.workflows.git import Git
from acceptance.workflows.model import Run

PROGRAM = "fuseml"


def program_of(settings: Settings) -> str:
    return str(settings.fuseml_cli or PROGRAM)


def problems(settings: Settings) -> list[Problem]:
    """Return which of the programs that a run with FuseML calls aren't there."""
    if settings.workflow != "fuseml":
        return []
    wanted = {"git": "install it: codesets are pushed by it"}
    if settings.fuseml_client == "cli":
        wanted[program_of(settings)] = "name FuseML's command line with --fuseml-cli, or take --fuseml-client rest"
    return [Problem(f"{name} is not on the PATH", fix) for name, fix in wanted.items() if not shutil.which(name)]


def open_fuseml(
    settings: Settings,
    directory: Path,
    redactor: Redactor,
    beneath: Callable[[str], list[Problem]],
    explain: Callable[[Run], str],
) -> FuseML:
    """Return FuseML at --fuseml-url; `directory` is made, and goes with it."""
    directory.mkdir(mode=0o700)
    for name in ("home", "tmp"):
        (directory / name).mkdir()
    git = Git(directory, redactor)
    port: Port = RestPort(settings.fuseml_url, git, redactor)
    if settings.fuseml_client == "cli":
        port = CliPort(program_of(settings), settings.fuseml_url, directory, redactor)
    return FuseML(port, git, beneath, explain)
