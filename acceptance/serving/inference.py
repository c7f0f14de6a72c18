"""The Open Inference Protocol (v2): the tutorial's JSON request, binary HTTP and gRPC."""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import requests

from acceptance.busy import busy
from acceptance.environment import is_loopback
from acceptance.errors import AcceptanceError, Problem, Unrecoverable, root_words
from acceptance.health import ask as ask_server
from acceptance.health import described, is_page, unready
from acceptance.serving.gateway import Gateway
from acceptance.serving.repository import CLASSES, INPUT, LARGEST_BATCH, OUTPUT
from acceptance.waiting import indented

# an answer that takes longer is named within 30 s
TIMEOUT = 25
TUTORIAL_BYTES = 144_674
BINARY_HEADER = "Inference-Header-Content-Length"


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


def infer_url(http: str, model: str, gateway: Gateway | None = None) -> str:
    """Return where a model takes requests: at its server's `host:port`, or at the gateway."""
    return f"{gateway.base if gateway else f'http://{http}'}/v2/models/{model}/infer"


def post(url: str, body: bytes, headers: dict[str, str] | None = None, gateway: Gateway | None = None) -> Answer:
    """Send a body as it is; any HTTP code is an answer, none is an AcceptanceError, and so is a gateway's own.

    `gateway`: whose URL it is, None for the server's own.
    """
    answer = send(url, body, headers or {"Content-Type": "application/json"}, gateway)
    return Answer(answer.status_code, answer.text)


def send(url: str, body: bytes, headers: dict[str, str], gateway: Gateway | None) -> requests.Response:
    try:
        if gateway:
            return gateway.ask("post", url, TIMEOUT, data=body, headers=headers)
        return ask_server("post", url, TIMEOUT, data=body, headers=headers)
    except requests.RequestException as error:
        raise no_answer(url, error) from error


def get(url: str, seconds: float = TIMEOUT) -> requests.Response:
    """Return what a server answers; raises AcceptanceError where it doesn't within the seconds, or with an error."""
    try:
        answer = ask_server("get", url, seconds)
        answer.raise_for_status()
    except requests.HTTPError as error:
        raise AcceptanceError(f"{url}: no answer: {described(error.response)}") from error
    except requests.RequestException as error:
        raise no_answer(url, error) from error
    return answer


def no_answer(url: str, error: requests.RequestException) -> AcceptanceError:
    """Return the error of a server that gave no answer, with what this machine is busy with where it took too long."""
    detail = indented(busy()) if isinstance(error, requests.Timeout) else ""
    return AcceptanceError(Problem(f"{url}: no answer: {root_words(error)}", detail=detail))


def infer_json(url: str, images: np.ndarray) -> np.ndarray:
    """Return the logits [N, 10] of uint8 images by the tutorial's JSON request."""
    return post(url, json_request(images)).logits()


def infer_binary(http: str, model: str, pixels: np.ndarray, gateway: Gateway | None = None) -> np.ndarray:
    """Return the logits [N, 10] of FP32 pixels by HTTP with the binary tensor extension, a batch at a time."""
    from tritonclient import http as client

    batches = [pixels[at : at + LARGEST_BATCH] for at in range(0, len(pixels), LARGEST_BATCH)]
    if gateway:
        return np.concatenate([ask(client, ThroughGateway(gateway), model, batch) for batch in batches])
    with client.InferenceServerClient(http, network_timeout=TIMEOUT, connection_timeout=TIMEOUT) as server:
        return np.concatenate([ask(client, server, model, batch) for batch in batches])


class ThroughGateway:
    """Sends what tritonclient makes of a request, and has it read the answer: it knows no address beside the host."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def infer(self, model: str, inputs: list[Any], outputs: list[Any]) -> Any:
        from tritonclient.http import InferenceServerClient as Client

        body, length = Client.generate_request_body(inputs, outputs=outputs)
        headers = {"Content-Type": "application/octet-stream", BINARY_HEADER: str(length)}
        url = infer_url("", model, self.gateway)
        answer = send(url, body, headers, self.gateway)
        if not answer.ok:
            raise AcceptanceError(f"{url}: no answer: {described(answer)}")
        length = answer.headers.get(BINARY_HEADER)
        return Client.parse_response_body(answer.content, header_length=int(length) if length else None)


def infer_grpc(grpc: str, model: str, pixels: np.ndarray) -> np.ndarray:
    """Return the logits [N, 10] of FP32 pixels by gRPC."""
    from tritonclient import grpc as client

    # the server here, or the end of a port-forward, is behind no proxy, whichever variable names one
    direct = [("grpc.enable_http_proxy", 0)] if is_loopback(grpc) else []
    sizes = [(f"grpc.max_{way}_message_length", -1) for way in ("send", "receive")]
    with client.InferenceServerClient(grpc, channel_args=[*direct, *sizes]) as server:
        return ask(client, server, model, pixels, client_timeout=TIMEOUT)


def ask(client: Any, server: Any, model: str, pixels: np.ndarray, **options: Any) -> np.ndarray:
    """Send the pixels with either of tritonclient's two clients, which share this interface."""
    from tritonclient.utils import InferenceServerException

    tensor = client.InferInput(INPUT, list(pixels.shape), "FP32")
    tensor.set_data_from_numpy(pixels)
    try:
        answer = server.infer(model, [tensor], outputs=[client.InferRequestedOutput(OUTPUT)], **options)
        logits = answer.as_numpy(OUTPUT)
    # besides its own error, the client raises whatever comes of an answer that is none of Triton's, or of none
    except (InferenceServerException, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise AcceptanceError(f"{client.__name__} to {model}: {error or type(error).__name__}") from error
    if logits is None:
        raise AcceptanceError(f"{client.__name__} to {model}: no {OUTPUT} in the answer")
    if logits.shape != (len(pixels), CLASSES):
        raise AcceptanceError(f"{client.__name__} to {model}: {OUTPUT} is {list(logits.shape)}, not [N, {CLASSES}]")
    return logits


def server_ready(http: str, model: str) -> str:
    """Return "" when the server and the model are ready, else what is not.

    Raises Unrecoverable where something else answers than Triton, whose answer has an empty body.
    """
    return unready("the server", f"http://{http}/v2/health/ready", is_silent) or unready(
        f"model {model}", f"http://{http}/v2/models/{model}/ready", is_silent
    )


def is_silent(text: str) -> bool:
    return not text.strip()


def server_version(http: str) -> str:
    """Return the version in the server's metadata, "" where it has none."""
    try:
        return str(ask_server("get", f"http://{http}/v2", TIMEOUT).json()["version"])
    except (requests.RequestException, ValueError, KeyError, TypeError):
        return ""


def model_config(http: str, model: str) -> dict:
    """Return the model's configuration as the server has it.

    Raises AcceptanceError where it doesn't answer, Unrecoverable where what answers is something else.
    """
    url = f"http://{http}/v2/models/{model}/config"
    answer = get(url)
    try:
        config = answer.json()
        [group["kind"] for group in config["instance_group"]]
    except (ValueError, LookupError, TypeError) as error:
        raise Unrecoverable(f"{url}: no configuration of a model of Triton's: {described(answer)}") from error
    return config


@dataclass(frozen=True)
class Answered:
    """How many requests a model has answered since its server started, by the server's own metrics."""

    succeeded: int
    failed: int

    def __sub__(self, before: "Answered") -> "Answered":
        return Answered(self.succeeded - before.succeeded, self.failed - before.failed)


def read_metrics(metrics: str) -> str:
    """Return the server's metrics; raises AcceptanceError where they do not answer, or something else does."""
    answer = get(f"http://{metrics}/metrics", seconds=5)
    if is_page(answer):
        raise AcceptanceError(f"http://{metrics}/metrics: no metrics of Triton's: {described(answer)}")
    return answer.text


def answered(metrics: str, model: str) -> Answered:
    """Ask the server's metrics; raises AcceptanceError where they do not answer."""
    text = read_metrics(metrics)

    def total(name: str) -> int:
        lines = [line for line in text.splitlines() if line.startswith(name) and f'"{model}"' in line]
        try:
            return sum(int(float(line.rpartition(" ")[2])) for line in lines)
        except (ValueError, OverflowError) as error:
            raise AcceptanceError(f"http://{metrics}/metrics: no count of {name}: {error}") from error

    return Answered(total("nv_inference_request_success"), total("nv_inference_request_failure"))
