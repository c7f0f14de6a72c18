"""What is looked at before anything starts: the folders that a run fills, and the user's own request."""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from acceptance.errors import BadSetting

# the unpacked data set, MLflow's copies of the models, Triton's backends and every request's result
NEEDED_BYTES = 2 << 30
REPORT_BYTES = 100 << 20
# a load of the tutorial's size a thousand times over; Triton itself takes no longer JSON
LONGEST_REQUEST = 64 << 20
OF_AN_INPUT = ("name", "shape", "datatype", "data")
# MLflow reads its folders as addresses
NOT_IN_AN_ADDRESS = "%?#"


def check_folders(report: Path, codeset: Path, environment: Mapping[str, str] = os.environ) -> None:
    """Raise BadSetting where the run's own directory or the report has no place, or MLflow can't take a path."""
    temporary = temporary_folder(environment)
    check_room(temporary, NEEDED_BYTES, "TMPDIR")
    check_room(report, REPORT_BYTES, "--report")
    for folder, unusable, fix in (
        (temporary, NOT_IN_AN_ADDRESS, "name another folder with TMPDIR"),
        (codeset, "#", "move the checkout"),
    ):
        found = [character for character in unusable if character in str(folder)]
        if found:
            raise BadSetting(f"{folder}: MLflow takes no path with {' or '.join(found)} in it; {fix}")


def temporary_folder(environment: Mapping[str, str]) -> Path:
    """Return where temporary files go; Python would pass over a TMPDIR that it can't write to without a word."""
    named = environment.get("TMPDIR")
    try:
        if named:
            with tempfile.TemporaryFile(dir=named):
                pass
        return Path(named or tempfile.gettempdir())
    except OSError as error:
        raise BadSetting(
            f"TMPDIR={named or ''}: can't be written ({error.strerror}); make it, or name another folder"
        ) from None


def check_room(folder: Path, needed: int, option: str) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise BadSetting(
            f"{folder}: {free / 2**30:.1f} GiB free; a run needs {needed / 2**30:.1f} GiB there; "
            f"free some, or name another folder with {option}"
        )


def check_request(file: Path) -> None:
    """Raise BadSetting where the user's file is no V2 JSON request; its shapes and types are the server's to judge."""
    try:
        size = file.stat().st_size
        if size > LONGEST_REQUEST:
            raise ValueError(f"it has {size:,} bytes; Triton takes {LONGEST_REQUEST:,}")
        wrong = wrong_with(json.loads(file.read_bytes().decode()))
    except (OSError, ValueError, RecursionError) as error:
        wrong = str(error)
    if wrong:
        raise BadSetting(
            f"--request {file}: no V2 JSON request ({wrong}); name a file like the tutorial's data-keras.json: "
            '{"inputs": [{"name": ..., "shape": [...], "datatype": "FP32", "data": [...]}]}'
        )


def wrong_with(request: Any) -> str:
    inputs = request.get("inputs") if isinstance(request, dict) else None
    if not isinstance(inputs, list) or not inputs:
        return "it has no list of inputs"
    for number, one in enumerate(inputs, 1):
        missing = [key for key in OF_AN_INPUT if not isinstance(one, dict) or key not in one]
        if missing:
            return f"its input {number} lacks {', '.join(missing)}"
    return ""
