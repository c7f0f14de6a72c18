"""How new an ONNX model is, how new a server's ONNX Runtime takes one, and how the latter is asked."""

import re
from dataclasses import dataclass
from pathlib import Path

from acceptance.errors import AcceptanceError, Problem
from acceptance.images import SITE_PACKAGES
from acceptance.serving import onnx_limits
from acceptance.training.tracking import TrainingRun

BACKENDS = "/opt/tritonserver/backends"
# in a container of Triton's image; the stock one's backend names the release of ONNX that it was built with
ASK = f"""\
case "$BACKEND" in
python) PYTHONPATH={SITE_PACKAGES} python3 -c "$PROGRAM" ;;
*) echo "ONNX $(cat {BACKENDS}/$BACKEND/ort_onnx_version.txt)" ;;
esac
"""
SAID = re.compile(r"IR version (\d+), opset (\d+)")
RELEASE = re.compile(r"ONNX (\d+\.\d+\.\d+)")


@dataclass(frozen=True)
class OnnxVersions:
    """A model's IR version and its opset of ONNX's own operators, or the newest ones that are taken."""

    ir: int
    opset: int

    def __str__(self) -> str:
        return f"IR version {self.ir}, opset {self.opset}"


def model_versions(run: TrainingRun) -> OnnxVersions | None:
    """Return those of the run's model as the trainer logged them, None where it didn't."""
    try:
        return OnnxVersions(*(int(run.parameters[f"onnx_{name}"]) for name in ("ir_version", "opset")))
    except (KeyError, ValueError):
        return None


def variables(backend: str) -> dict[str, str]:
    """Return the environment of the shell that runs `ASK`."""
    return {"BACKEND": backend, "PROGRAM": Path(onnx_limits.__file__).read_text(encoding="utf-8")}


def read_answer(text: str) -> OnnxVersions | None:
    """Return what `ASK` said of a server's ONNX Runtime, None where it couldn't tell."""
    if found := SAID.search(text):
        return OnnxVersions(int(found[1]), int(found[2]))
    if found := RELEASE.search(text):
        return of_release(found[1])
    return None


def of_release(release: str) -> OnnxVersions | None:
    """Return the versions of a release of ONNX such as `1.16.0`, None for one that this machine's ONNX doesn't know."""
    from onnx import helper

    minor = release.rpartition(".")[0]
    found = [row for row in helper.VERSION_TABLE if row[0].rpartition(".")[0] == minor]
    return OnnxVersions(found[-1][1], found[-1][2]) if found else None


def ask_this_python() -> OnnxVersions | None:
    """Return what the ONNX Runtime of this Python takes."""
    import onnxruntime

    try:
        return read_answer(onnx_limits.limits(onnxruntime.InferenceSession))
    except Exception:  # its classes have no common one of their own, and another release may use other words
        return None


def refuse_too_new(model: OnnxVersions | None, server: OnnxVersions | None) -> None:
    """Raise AcceptanceError where the server's ONNX Runtime is known to be older than the model."""
    if model and server and (model.ir > server.ir or model.opset > server.opset):
        raise AcceptanceError(
            Problem(
                f"the trained model is ONNX of {model}, and the ONNX Runtime of Triton takes {server} at most",
                "give a newer triton with --images FILE, or export the model with an older ONNX",
            )
        )
