"""The Open Inference Protocol (v2): the tutorial's JSON request, binary HTTP and gRPC."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import requests

from acceptance.errors import AcceptanceError, root_words
from acceptance.health import unready
from acceptance.serving.repository import CLASSES, INPUT, LARGEST_BATCH, OUTPUT

TIMEOUT = 30
TUTORIAL_BYTES = 144_674


def scale(images: np.ndarray) -> np.ndarray:
    """Return uint8 images [N, 32, 32, 3] as the model's FP32 input, from 0 to 1."""
    return images.astype(np.float32) / np.float32(255)


def json_request(images: np.ndarray) -> bytes:
    """Return the tutorial's request for uint8 images [N, 32, 32, 3].

    Nested data, two spaces of indentation, and blanks up to the size that the tutorial's table shows: compact JSON
    is half as long and a lighter load.
    """
    data = (images / 255).tolist()
    tensor = {"name": INPUT, "shape": list(images.shape), "datatype": "FP32", "data": data}
    return json.dumps({"inputs": [tensor]}, indent=2).encode().ljust(TUTORIAL_BYTES)


@dataclass(frozen=True)
class Answer:
    """An HTTP answer of the server; `text` is its body as far as it is text."""

    code: int
    text: str

    def logits(self) -> np.ndarray:
        """Return the `dense_1` tensor [N, 10]; raises AcceptanceError that quotes any other answer."""
        try:
            if self.code != 200:
                raise ValueError(f"HTTP {self.code}")
            (output,) = [item for item in json.loads(self.text)["outputs"] if item["name"] == OUTPUT]
            return np.array(output["data"], dtype=np.float32).reshape(output["shape"])
        except (ValueError, KeyError, TypeError) as error:
            raise AcceptanceError(f"no {OUTPUT} in the answer ({error}): {self.text[:300]}") from error


def post(url: str, body: bytes, headers: dict[str, str] | None = None) -> Answer:
    """Send a body as it is; any HTTP code is an answer, none is an AcceptanceError."""
    try:
        answer = requests.post(url, data=body, headers=headers or {"Content-Type": "application/json"}, timeout=TIMEOUT)
    except requests.RequestException as error:
        raise AcceptanceError(f"{url}: no answer: {root_words(error)}") from error
    return Answer(answer.status_code, answer.text)


def get(url: str, seconds: float = TIMEOUT) -> requests.Response:
    """Return what a server answers; raises AcceptanceError where it doesn't within the seconds, or with an error."""
    try:
        answer = requests.get(url, timeout=seconds)
        answer.raise_for_status()
    except requests.RequestException as error:
        raise AcceptanceError(f"{url}: no answer: {root_words(error)}") from error
    return answer


def infer_json(url: str, images: np.ndarray) -> np.ndarray:
    """Return the logits [N, 10] of uint8 images by the tutorial's JSON request."""
    return post(url, json_request(images)).logits()


def infer_binary(http: str, model: str, pixels: np.ndarray) -> np.ndarray:
    """Return the logits [N, 10] of FP32 pixels by HTTP with the binary tensor extension, a batch at a time."""
    from tritonclient import http as client

    batches = [pixels[at : at + LARGEST_BATCH] for at in range(0, len(pixels), LARGEST_BATCH)]
    with client.InferenceServerClient(http, network_timeout=TIMEOUT, connection_timeout=TIMEOUT) as server:
        return np.concatenate([ask(client, server, model, batch) for batch in batches])


def infer_grpc(grpc: str, model: str, pixels: np.ndarray) -> np.ndarray:
    """Return the logits [N, 10] of FP32 pixels by gRPC."""
    from tritonclient import grpc as client

    with client.InferenceServerClient(grpc) as server:
        return ask(client, server, model, pixels, client_timeout=TIMEOUT)


def ask(client: Any, server: Any, model: str, pixels: np.ndarray, **options: Any) -> np.ndarray:
    """Send the pixels with either of tritonclient's two clients, which share this interface."""
    from tritonclient.utils import InferenceServerException

    tensor = client.InferInput(INPUT, list(pixels.shape), "FP32")
    tensor.set_data_from_numpy(pixels)
    try:
        answer = server.infer(model, [tensor], outputs=[client.InferRequestedOutput(OUTPUT)], **options)
    except InferenceServerException as error:
        raise AcceptanceError(f"{client.__name__} to {model}: {error}") from error
    logits = answer.as_numpy(OUTPUT)
    if logits.shape != (len(pixels), CLASSES):
        raise AcceptanceError(f"{client.__name__} to {model}: {OUTPUT} is {list(logits.shape)}, not [N, {CLASSES}]")
    return logits


def server_ready(http: str, model: str) -> str:
    """Return "" when the server and the model are ready, else what is not."""
    return unready("the server", f"http://{http}/v2/health/ready") or unready(
        f"model {model}", f"http://{http}/v2/models/{model}/ready"
    )


def server_version(http: str) -> str:
    """Return the version in the server's metadata, "" where it has none."""
    try:
        return str(requests.get(f"http://{http}/v2", timeout=TIMEOUT).json()["version"])
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return ""


def model_config(http: str, model: str) -> dict:
    """Return the model's configuration as the server has it; raises AcceptanceError where it doesn't answer."""
    return get(f"http://{http}/v2/models/{model}/config").json()


@dataclass(frozen=True)
class Answered:
    """How many requests a model has answered since its server started, by the server's own metrics."""

    succeeded: int
    failed: int

    def __sub__(self, before: "Answered") -> "Answered":
        return Answered(self.succeeded - before.succeeded, self.failed - before.failed)


def read_metrics(metrics: str) -> str:
    """Return the server's metrics; raises AcceptanceError where they do not answer."""
    return get(f"http://{metrics}/metrics", seconds=5).text


def answered(metrics: str, model: str) -> Answered:
    """Ask the server's metrics; raises AcceptanceError where they do not answer."""
    text = read_metrics(metrics)

    def total(name: str) -> int:
        lines = [line for line in text.splitlines() if line.startswith(name) and f'"{model}"' in line]
        return sum(int(float(line.rsplit(" ", 1)[1])) for line in lines)

    return Answered(total("nv_inference_request_success"), total("nv_inference_request_failure"))
