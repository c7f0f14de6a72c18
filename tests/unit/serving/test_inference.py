"""The tutorial's request, and what counts as a clear answer to a bad one."""

import json
import select
import socket

import numpy as np
import pytest

from acceptance.errors import AcceptanceError
from acceptance.serving import bad_requests, inference
from acceptance.serving.inference import Answer
from tests.unit.problems import assert_problem

PICTURE = np.random.default_rng(1).integers(0, 256, (1, 32, 32, 3)).astype(np.uint8)


def test_the_request_is_the_tutorials_tensor_and_size():
    body = inference.json_request(PICTURE)
    (tensor,) = json.loads(body)["inputs"]
    assert (tensor["name"], tensor["shape"], tensor["datatype"]) == ("conv2d_input", [1, 32, 32, 3], "FP32")
    assert abs(len(body) / 144_674 - 1) < 0.1
    assert (np.array(tensor["data"], np.float32) == inference.scale(PICTURE)).all()


@pytest.mark.parametrize("text", ["", "<html>", '{"outputs": []}', '{"outputs": [{"name": "other"}]}', "[]"])
def test_an_answer_without_the_tensor_is_quoted(text):
    with pytest.raises(AcceptanceError, match="no dense_1"):
        Answer(200, text).logits()


def test_an_error_of_the_server_is_quoted():
    with pytest.raises(AcceptanceError, match=r"HTTP 503.*busy"):
        Answer(503, '{"error": "busy"}').logits()


def test_a_server_that_is_not_there_is_named():
    with pytest.raises(AcceptanceError, match=r"127\.0\.0\.1:9"):
        inference.post("http://127.0.0.1:9/v2", b"")


LOGITS = '{"outputs": [{"name": "dense_1", "shape": [1, 2], "data": [1.0, 2.0]}]}'
NO_LOGITS = LOGITS.replace("[1, 2]", "[0, 10]").replace("1.0, 2.0", "")
TEN_NANS = LOGITS.replace("[1, 2]", "[1, 10]").replace("1.0, 2.0", ", ".join(["NaN"] * 10))


@pytest.mark.parametrize(
    ("kind", "answer", "verdict"),
    [
        ("a wrong shape", Answer(400, '{"error": "unexpected shape"}'), ""),
        ("a wrong shape", Answer(200, LOGITS), "instead of a client error"),
        ("a wrong shape", Answer(500, '{"error": "crashed"}'), "HTTP 500 instead"),
        ("an empty body", Answer(400, ""), "without an error that says why"),
        ("an empty body", Answer(400, '{"error": ""}'), "without an error that says why"),
        ("NaN pixels", Answer(200, LOGITS), "NaN went in and something else"),
        ("NaN pixels", Answer(200, TEN_NANS), ""),
        ("NaN pixels", Answer(200, NO_LOGITS), "NaN went in and something else"),
    ],
)
def test_a_bad_request_needs_a_clear_error_or_the_defined_answer(kind, answer, verdict):
    assert_problem(bad_requests.unclear(kind, answer), verdict)


class DeadProxy:
    """What a variable names as a proxy: it notes who comes, and answers nobody."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def asked(self) -> bool:
        return bool(select.select([self.listener], [], [], 0)[0])


@pytest.mark.parametrize("name", ["grpc_proxy", "https_proxy", "http_proxy"])
@pytest.mark.parametrize("exceptions", [{}, {"no_grpc_proxy": "example.com"}])
def test_grpc_to_this_machine_goes_through_no_proxy_whichever_variable_names_one(monkeypatch, name, exceptions):
    proxy = DeadProxy()
    for variable in ("no_proxy", "no_grpc_proxy"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in {name: proxy.address, **exceptions}.items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(AcceptanceError, match=r"127\.0\.0\.1:9: "):
        inference.infer_grpc("127.0.0.1:9", "cifar10", inference.scale(PICTURE))
    assert not proxy.asked()
