"""The model's file in the folder that a server loaded, and whether it is the one that the trainer logged."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from acceptance.errors import AcceptanceError, Problem
from acceptance.serving.repository import MODEL, MODEL_FILE
from acceptance.training.tracking import TrainingRun

FILE = f"{MODEL}/1/{MODEL_FILE}"
"""Where a model repository has it."""
SHA_256 = re.compile(r"\b[0-9a-f]{64}\b")


@dataclass(frozen=True)
class ServedModel:
    """The SHA-256 of the file, in hexadecimal, and where it was read."""

    sha256: str
    place: str


def read_file(file: Path, place: str) -> ServedModel:
    try:
        with file.open("rb") as model:
            return ServedModel(hashlib.file_digest(model, "sha256").hexdigest(), place)
    except OSError as error:
        raise AcceptanceError(f"{place}: the served model can't be read: {error.strerror}") from error


def read_data(data: bytes, place: str) -> ServedModel:
    return ServedModel(hashlib.sha256(data).hexdigest(), place)


def read_words(words: str, place: str) -> ServedModel:
    """Return the digest that a program said, such as `sha256sum`."""
    found = SHA_256.findall(words)
    if not found:
        raise AcceptanceError(f"{place}: no SHA-256 was said, but {words.strip()[:200] or 'nothing'}")
    return ServedModel(found[-1], place)


def not_what_was_trained(served: ServedModel, run: TrainingRun) -> Problem | None:
    if served.sha256 == run.onnx_sha256:
        return None
    return Problem(
        f"{served.place} is another file than {run} logged: SHA-256 {served.sha256}, not {run.onnx_sha256}",
        "see what changed it on its way from MLflow's artifacts",
    )
