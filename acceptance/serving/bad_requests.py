"""Requests that no server should take as they are, and what a good server makes of each."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from acceptance.errors import Problem
from acceptance.serving.gateway import Gateway
from acceptance.serving.inference import BINARY_HEADER, Answer, infer_url, post
from acceptance.serving.repository import CLASSES, INPUT, LARGEST_BATCH, OUTPUT


@dataclass(frozen=True)
class Request:
    """A body for `/v2/models/<model>/infer`; `model` "" is the served one."""

    body: bytes
    headers: dict[str, str] | None = None
    model: str = ""


def with_tensor(**changes: object) -> Request:
    tensor = {"name": INPUT, "shape": [1, 32, 32, 3], "datatype": "FP32", "data": [0.5] * 3072, **changes}
    return Request(json.dumps({"inputs": [tensor]}).encode())


def binary(pixels: np.ndarray, bytes_sent: int | None = None) -> Request:
    """Return a request with the binary tensor extension; `bytes_sent` cuts the tensor short."""
    data = pixels.astype("<f4").tobytes()
    tensor = {
        "name": INPUT,
        "shape": list(pixels.shape),
        "datatype": "FP32",
        "parameters": {"binary_data_size": len(data)},
    }
    head = json.dumps({"inputs": [tensor], "outputs": [{"name": OUTPUT}]}).encode()
    headers = {"Content-Type": "application/octet-stream", BINARY_HEADER: str(len(head))}
    return Request(head + data[:bytes_sent], headers)


def one_image(value: float) -> np.ndarray:
    return np.full((1, 32, 32, 3), value, np.float32)


BAD_REQUESTS: dict[str, Callable[[], Request]] = {
    "a wrong shape": lambda: with_tensor(shape=[1, 16, 16, 3], data=[0.5] * 768),
    "a wrong type": lambda: with_tensor(datatype="INT32", data=[1] * 3072),
    "an unknown input": lambda: with_tensor(name="no_such_input"),
    "an unknown model": lambda: Request(with_tensor().body, model="no-such-model"),
    "a truncated binary": lambda: binary(one_image(0.5), bytes_sent=1000),
    "an empty body": lambda: Request(b""),
    "NaN pixels": lambda: binary(one_image(float("nan"))),
    "NaN in JSON": lambda: with_tensor(data=[float("nan")] * 3072),
    "a batch over the limit": lambda: binary(np.zeros((LARGEST_BATCH + 1, 32, 32, 3), np.float32)),
}
# NaN is a float: a server may compute with it, and then must answer NaN, not a class
MAY_ANSWER = ("NaN pixels", "NaN in JSON")


def send(kind: str, http: str, model: str, gateway: Gateway | None = None) -> Answer:
    """Send the bad request of that kind to `host:port`, or through the gateway."""
    request = BAD_REQUESTS[kind]()
    return post(infer_url(http, request.model or model, gateway), request.body, request.headers, gateway)


def unclear(kind: str, answer: Answer) -> Problem | None:
    """Say what is wrong with an answer that is neither a clear client error nor the defined answer."""
    if 400 <= answer.code < 500:
        if reason(answer):
            return None
        what = f"HTTP {answer.code} without an error that says why: {answer.text[:200]!r}"
    elif answer.code == 200 and kind in MAY_ANSWER:
        logits = answer.logits()
        if logits.shape == (1, CLASSES) and np.isnan(logits).all():
            return None
        what = f"NaN went in and something else came out: {answer.text[:200]}"
    else:
        what = f"HTTP {answer.code} instead of a client error: {answer.text[:200]!r}"
    return Problem(f"a request with {kind}: {what}", "look at the server's log")


def reason(answer: Answer) -> str:
    """Return the server's own words, from the V2 protocol's error object."""
    try:
        return str(json.loads(answer.text)["error"]).strip()
    except (ValueError, KeyError, TypeError):
        return ""
