"""The user's own V2 JSON request, looked at before anything starts."""

import json
from pathlib import Path
from typing import Any

from acceptance.errors import Problem

# a load of the tutorial's size a thousand times over; Triton itself takes no longer JSON
LONGEST_REQUEST = 64 << 20
OF_AN_INPUT = ("name", "shape", "datatype", "data")


def problem_with(file: Path) -> Problem | None:
    """Say that a file is no V2 JSON request; its shapes and types are the server's to judge."""
    try:
        size = file.stat().st_size
        if size > LONGEST_REQUEST:
            raise ValueError(f"it has {size:,} bytes; Triton takes {LONGEST_REQUEST:,}")
        wrong = missing_part(json.loads(file.read_bytes().decode()))
    except (OSError, ValueError, RecursionError) as error:
        wrong = str(error)
    if not wrong:
        return None
    return Problem(
        f"--request {file}: no V2 JSON request ({wrong})",
        "name a file like the tutorial's data-keras.json: "
        '{"inputs": [{"name": ..., "shape": [...], "datatype": "FP32", "data": [...]}]}',
    )


def missing_part(request: Any) -> str:
    inputs = request.get("inputs") if isinstance(request, dict) else None
    if not isinstance(inputs, list) or not inputs:
        return "it has no list of inputs"
    for number, one in enumerate(inputs, 1):
        missing = [key for key in OF_AN_INPUT if not isinstance(one, dict) or key not in one]
        if missing:
            return f"its input {number} lacks {', '.join(missing)}"
    return ""
