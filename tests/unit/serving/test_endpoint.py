"""A server that dies while it is asked: what waits for it goes on waiting, and finds out why by itself."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import numpy as np
import pytest

from acceptance.errors import AcceptanceError, Unrecoverable, WaitTimeout
from acceptance.serving import gpu_evidence, inference
from acceptance.serving.endpoint import Endpoint, not_ready
from tests import http_server
from tests.http_server import LOGIN, answering, saying

RUN: Any = None


@pytest.fixture
def address() -> Iterator[str]:
    """Of a server that says that it and its model are ready, and answers nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path.endswith("/ready") else 503)
            self.end_headers()

    with http_server.answering(Handler) as address:
        yield address


def test_a_server_that_is_ready_and_no_longer_says_what_it_serves_is_waited_for(address):
    waiting = not_ready(Endpoint("triton-cpu-1", address, "", "", "cifar10", "cpu", RUN))

    assert f"{address}/v2/models/cifar10/config: no answer: HTTP 503" in waiting


def test_metrics_that_do_not_answer_are_waited_for(address):
    with pytest.raises(WaitTimeout, match=f"http://{address}/metrics: no answer: HTTP 503"):
        gpu_evidence.wait_for_metrics(address, "", seconds=0.2)


@pytest.mark.parametrize("ask", [inference.read_metrics, lambda address: inference.model_config(address, "cifar10")])
def test_a_server_that_has_gone_is_an_error_with_its_address(ask):
    with pytest.raises(AcceptanceError, match=r"http://127\.0\.0\.1:9/.*: no answer"):
        ask("127.0.0.1:9")


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (saying(), "Sign in to the proxy"),
        (saying(path="config"), "Sign in to the proxy"),
        (saying(b'{"name": "cifar10"}', kind="application/json", path="config"), "cifar10"),
        (saying(b"[]", kind="application/json", path="config"), "'\\[\\]'"),
        (saying(b"{", kind="application/json", path="config"), "{"),
    ],
)
def test_what_answers_in_a_predictors_place_ends_the_wait_with_its_first_words(handler, words):
    with answering(handler) as address, pytest.raises(Unrecoverable, match=f"{address}.*HTTP 200.*{words}"):
        not_ready(Endpoint("triton-cpu-1", address, "", "", "cifar10", "cpu", RUN))


@pytest.mark.parametrize(
    "body", [LOGIN, b'nv_inference_request_success{model="cifar10"} none', b'nv_inference_request_failure{"cifar10"}']
)
def test_metrics_that_are_something_else_are_named(body):
    with answering(saying(body)) as address, pytest.raises(AcceptanceError, match=f"http://{address}/metrics: no "):
        inference.answered(address, "cifar10")


@pytest.mark.parametrize("handler", [saying(), saying(b"[]", kind="application/json"), saying(LOGIN, 502)])
@pytest.mark.parametrize("infer", [inference.infer_binary, inference.infer_grpc])
def test_an_answer_that_is_none_of_tritons_is_an_error_of_the_step(infer, handler):
    pixels = np.zeros((1, 32, 32, 3), np.float32)
    with answering(handler) as address, pytest.raises(AcceptanceError, match="to cifar10: "):
        infer(address, "cifar10", pixels)
