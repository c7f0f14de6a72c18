"""The servers that the benchmark compares with Triton: how each is started, and its own format of the request.

Each has a folder under `peers/` with a locked environment, which `tools/peer` makes. Their settings are those that
their documentation recommends; where it names a number for each core, one, since a server has one core on two.
"""

import json
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import requests

from acceptance.paths import ROOT
from acceptance.processes.local import free_port
from acceptance.serving.inference import Answer
from acceptance.serving.repository import INPUT, MODEL, OUTPUT
from acceptance.training.project import server_environment

FOLDER = Path(__file__).with_name("peers")
JSON = {"Content-Type": "application/json"}
BINARY = {"Content-Type": "application/octet-stream"}


@dataclass(frozen=True)
class Form:
    """One format of a request; `read` returns the logits [1, 10] of an answer."""

    path: str
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    read: Callable[[requests.Response], np.ndarray] = field(repr=False)


@dataclass(frozen=True)
class Server:
    """A server of the model on a port of 127.0.0.1; `command` gets its environment's Python and the port.

    `binary` is None where it has no binary form of a request.
    """

    name: str
    ready: str
    json: Form
    binary: Form | None
    command: Callable[[Path, int], list[str | Path]]
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    def forms(self) -> dict[str, Form]:
        return {"JSON": self.json, **({"binary": self.binary} if self.binary else {})}


def interpreter(name: str) -> Path:
    """Make the server's environment as it is locked, and return its Python."""
    made = subprocess.run([ROOT / "tools" / "peer", name], stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return Path(made.stdout.strip()) / "bin" / "python"


def open_inference(body: bytes, pixels: np.ndarray) -> tuple[Form, Form]:
    """Return Triton's requests, the protocol's JSON and its binary extension, as others that speak it get them."""
    from tritonclient import http as client

    path = f"/v2/models/{MODEL}/infer"
    tensor = client.InferInput(INPUT, list(pixels.shape), "FP32")
    tensor.set_data_from_numpy(pixels, binary_data=True)
    wanted = client.InferRequestedOutput(OUTPUT, binary_data=True)
    binary, length = client.InferenceServerClient.generate_request_body([tensor], outputs=[wanted])
    headers = {**BINARY, "Inference-Header-Content-Length": str(length)}

    def read_json(answer: requests.Response) -> np.ndarray:
        return Answer(answer.status_code, answer.text).logits()

    def read_binary(answer: requests.Response) -> np.ndarray:
        length = int(answer.headers["Inference-Header-Content-Length"])
        parsed = client.InferenceServerClient.parse_response_body(answer.content, header_length=length)
        return parsed.as_numpy(OUTPUT)

    return Form(path, body, JSON, read_json), Form(path, binary, headers, read_binary)


def servers(models: Mapping[str, Path], body: bytes, pixels: np.ndarray, work: Path) -> list[Server]:
    """Return the servers of one run's `onnx` and `keras` models, for FP32 pixels [1, 32, 32, 3].

    `body` is the tutorial's request, whose size every JSON request has; `work` is for their settings.
    """
    as_json, as_binary = open_inference(body, pixels)
    nested = json.loads(body)["inputs"][0]["data"]
    return [
        mlflow(models["onnx"], nested, len(body)),
        mlserver(models["onnx"], as_json, work),
        kserve(models["onnx"] / "model.onnx", as_json, as_binary),
        fastapi(models["keras"] / "data" / "model.keras", nested, pixels, len(body)),
    ]


def padded(request: object, size: int) -> bytes:
    """Return the request as JSON with the tutorial's indentation and size."""
    return json.dumps(request, indent=2).encode().ljust(size)


def mlflow(model: Path, nested: list, size: int) -> Server:
    def read(answer: requests.Response) -> np.ndarray:
        return np.array(answer.json()["predictions"][OUTPUT], np.float32)

    def command(python: Path, port: int) -> list[str | Path]:
        serve = ("-m", "mlflow", "models", "serve", "--env-manager", "local", "--workers", "1")
        return [python, *serve, "--model-uri", model, "--host", "127.0.0.1", "--port", str(port)]

    form = Form("/invocations", padded({"inputs": {INPUT: nested}}, size), JSON, read)
    return Server("mlflow", "/ping", form, None, command, server_environment())


def mlserver(model: Path, form: Form, work: Path) -> Server:
    """MLServer with its MLflow runtime; it has the protocol's binary data in gRPC alone."""

    def command(python: Path, port: int) -> list[str | Path]:
        ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
        # by default in the folder that it is started from
        folders = {"metrics_dir": str(work / "metrics"), "environments_dir": str(work / "environments")}
        settings = {"host": "127.0.0.1", "debug": False, "parallel_workers": 1, **ports, **folders}
        served = {
            "name": MODEL,
            "implementation": "mlserver_mlflow.MLflowRuntime",
            "parameters": {"uri": str(model)},
        }
        (work / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        (work / "model-settings.json").write_text(json.dumps(served), encoding="utf-8")
        return [python.with_name("mlserver"), "start", work]

    return Server("mlserver", f"/v2/models/{MODEL}/ready", form, None, command)


def kserve(model: Path, as_json: Form, as_binary: Form) -> Server:
    def command(python: Path, port: int) -> list[str | Path]:
        options = ("--http_port", str(port), "--enable_grpc", "false", "--workers", "1")
        return [python, FOLDER / "kserve" / "serve.py", model, *options]

    return Server("kserve", f"/v2/models/{MODEL}/ready", as_json, as_binary, command)


def fastapi(model: Path, nested: list, pixels: np.ndarray, size: int) -> Server:
    def command(python: Path, port: int) -> list[str | Path]:
        app = ("serve:app", "--app-dir", FOLDER / "fastapi")
        return [python, "-m", "uvicorn", *app, "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]

    as_json = Form(
        "/predict",
        padded({"inputs": nested}, size),
        JSON,
        lambda answer: np.array(answer.json()["outputs"], np.float32),
    )
    as_binary = Form(
        "/predict-binary",
        pixels.tobytes(),
        BINARY,
        lambda answer: np.frombuffer(answer.content, np.float32).reshape(-1, 10),
    )
    return Server("fastapi", "/health", as_json, as_binary, command, {"MODEL": str(model)})
