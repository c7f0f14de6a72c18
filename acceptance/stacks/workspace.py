"""A run's own directory and its folder of logs, and whether there is room for them."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from acceptance.errors import Problem
from acceptance.redaction.redactor import Redactor

# the unpacked data set, MLflow's copies of the models, Triton's backends and every request's result
NEEDED_BYTES = 2 << 30
REPORT_BYTES = 100 << 20


@dataclass(frozen=True)
class Workspace:
    """A run's own directory, removed at the end, and the folder that its processes' logs stay in."""

    directory: Path
    logs: Path
    redactor: Redactor = field(default_factory=lambda: Redactor.from_environment(os.environ))
    """What everything goes through that is written into the report's folder."""
    stderr: int | None = None
    """A descriptor of the terminal for what outlives pytest, None for this process's own stderr."""


def temporary_folder(environment: Mapping[str, str]) -> Path:
    """Return where temporary files go: TMPDIR, where it is set, even one that Python would pass over in silence."""
    return Path(environment.get("TMPDIR") or tempfile.gettempdir())


def not_writable(folder: Path, variable: str) -> Problem | None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            return None
    except OSError as error:
        return Problem(f"{variable}={folder}: can't be written ({error.strerror})", "make it, or name another folder")


def no_room(folder: Path, needed: int, option: str, free: int | None = None) -> Problem | None:
    """Say that a folder's disk has fewer than `needed` bytes free; `free`: the bytes, where they are known."""
    free = shutil.disk_usage(folder).free if free is None else free
    if free >= needed:
        return None
    return Problem(
        f"{folder}: {free / 2**30:.1f} GiB free; a run needs {needed / 2**30:.1f} GiB there",
        f"free some, or name another folder with {option}",
    )


def problems(report: Path, environment: Mapping[str, str]) -> list[Problem]:
    """Return why the run's own directory, or the report, has no place."""
    temporary = temporary_folder(environment)
    if problem := not_writable(temporary, "TMPDIR"):
        return [problem]
    found = (no_room(temporary, NEEDED_BYTES, "TMPDIR"), no_room(report, REPORT_BYTES, "--report"))
    return [problem for problem in found if problem]
