"""A real Triton behind a gateway that is made up: predictions through it are the server's, and a refusal is named."""

import dataclasses

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from acceptance.errors import AcceptanceError, Unrecoverable
from acceptance.options import read_settings
from acceptance.serving import bad_requests, inference
from acceptance.serving.endpoint import not_ready
from acceptance.serving.gateway import Gateway
from acceptance.serving.predictions import disagreeing
from acceptance.serving.repository import INPUT, OUTPUT
from acceptance.stacks.embedded import EmbeddedStack
from acceptance.stacks.workspace import Workspace
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun
from tests.made_up_gateway import REFUSALS, MadeUpGateway, running

HOST = "triton-cpu-1-run.models.example.org"
NAME = "Gateway kserve/kserve-ingress-gateway"
IMAGES = np.random.default_rng(0).integers(0, 256, (40, 32, 32, 3), np.uint8)


def linear():
    """Return an ONNX model of one layer, whose input and output are the network's."""
    weights = np.random.default_rng(1).normal(size=(3072, 10)).astype(np.float32)
    nodes = [helper.make_node("Flatten", [INPUT], ["flat"]), helper.make_node("MatMul", ["flat", "w"], [OUTPUT])]
    read = [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, 32, 32, 3])]
    shown = [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, 10])]
    graph = helper.make_graph(nodes, "linear", read, shown, [numpy_helper.from_array(weights, "w")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


class Trained(TrainingRun):
    def download_model(self, name, directory):
        directory.mkdir(parents=True)
        onnx.save(linear(), directory / "model.onnx")
        return directory


@pytest.fixture(scope="module")
def triton(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack")
    for name in ("run", "logs"):
        (folder / name).mkdir()
    workspace = Workspace(folder / "run", folder / "logs")
    run = Trained("", "0", "a run", "FINISHED", Recipe("cpu", "quick", 1), {}, {})
    with (
        EmbeddedStack(read_settings({"target": "embedded"}, ["embedded"], {}), workspace, lambda text: None) as stack,
        stack.serve(run, "cpu") as endpoint,
    ):
        yield endpoint


@pytest.fixture
def made_up(triton):
    with running(MadeUpGateway()) as made_up:
        made_up.routes[HOST] = triton.http
        yield made_up


@pytest.fixture
def endpoint(triton, made_up):
    return dataclasses.replace(triton, way=Gateway(NAME, f"http://{made_up.address}", HOST))


def test_json_and_binary_through_the_gateway_agree_with_the_servers_own_address(triton, endpoint, made_up):
    pixels = inference.scale(IMAGES)
    answers = {
        "its address": triton.infer_binary(pixels),
        "binary through the gateway": endpoint.infer_binary(pixels),
        "JSON through the gateway": endpoint.infer_json(IMAGES),
    }
    assert set(made_up.hosts) == {HOST}
    # rounding in JSON is larger than what scenarios allow where logits are as large as these
    assert np.allclose(answers["its address"], answers.pop("JSON through the gateway"), atol=1e-3)
    assert disagreeing(answers) is None
    assert not_ready(endpoint) == ""


@pytest.mark.parametrize("kind", bad_requests.BAD_REQUESTS)
def test_what_triton_itself_refuses_is_its_answer_through_the_gateway_too(endpoint, kind):
    direct = bad_requests.send(kind, endpoint.http, endpoint.model)
    answer = bad_requests.send(kind, endpoint.http, endpoint.model, endpoint.gateway)
    assert answer.code == direct.code
    assert bad_requests.unclear(kind, answer) is None


@pytest.mark.parametrize("refuses", REFUSALS)
def test_a_refusal_in_tritons_place_is_the_gateways(endpoint, made_up, refuses):
    made_up.refuses = refuses
    for ask in (endpoint.infer_json, lambda images: endpoint.infer_binary(inference.scale(images))):
        with pytest.raises(AcceptanceError, match=f"{NAME} .*Host {HOST}: HTTP {REFUSALS[refuses][0]}"):
            ask(IMAGES[:1])


def test_the_predictor_is_ready_by_its_address_and_not_behind_a_gateway_that_refuses(triton, endpoint, made_up):
    made_up.refuses = "rbac"
    assert not_ready(triton) == ""
    with pytest.raises(Unrecoverable, match="RBAC: access denied"):
        not_ready(endpoint)
