"""The benchmark of servers: the highest rate that one holds, and that all get the same picture and answer alike."""

import json
import os

import numpy as np
import pytest

from acceptance.load.result import LoadPlan, LoadResult
from acceptance.serving.inference import TUTORIAL_BYTES, json_request, scale
from acceptance.serving.repository import INPUT, OUTPUT
from tests import http_server
from tools.bench.servers import open_inference, servers
from tools.bench.serving import check_answer, highest_rate, on

IMAGE = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3)).astype(np.uint8)
LOGITS = np.arange(10, dtype=np.float32)[None]


@pytest.mark.parametrize("holds_up_to", [0, 7, 40, 95, 1234])
def test_the_highest_rate_is_found_to_a_tenth(holds_up_to):
    def send(rate):
        count = 200 * rate  # of low rates too, as many as a 99th percentile takes
        waited = np.full(count, 0.01 if rate <= holds_up_to else 0.11)
        return LoadResult(LoadPlan(rate, 200, b""), np.arange(count) / rate, waited, np.full(count, 200), [""] * count)

    assert highest_rate(send) == pytest.approx(holds_up_to, rel=0.1)


def v2(inputs):
    return inputs[0]["data"]


def test_every_server_gets_the_same_picture_in_a_request_of_the_tutorials_size(tmp_path):
    models = {"onnx": tmp_path, "keras": tmp_path}
    for server in servers(models, json_request(IMAGE), scale(IMAGE), tmp_path):
        assert len(server.json.body) == TUTORIAL_BYTES, server.name
        inputs = json.loads(server.json.body)["inputs"]
        tensor = {"mlflow": lambda sent: sent[INPUT], "fastapi": lambda sent: sent}.get(server.name, v2)(inputs)
        np.testing.assert_allclose(np.array(tensor).reshape(1, 32, 32, 3), scale(IMAGE), atol=1e-6)
        if server.binary:
            assert server.binary.body.endswith(scale(IMAGE).tobytes()), server.name
        assert (server.folder / "uv.lock").exists()


@pytest.mark.parametrize(
    ("code", "logits", "fails"), [(200, LOGITS, False), (200, LOGITS + 1, True), (503, LOGITS, True)]
)
def test_a_server_that_does_not_answer_as_the_model_does_is_not_measured(code, logits, fails):
    output = {"name": OUTPUT, "shape": [1, 10], "datatype": "FP32", "data": logits.ravel().tolist()}
    handler = http_server.saying(json.dumps({"outputs": [output]}).encode(), code, "application/json")
    as_json, _ = open_inference(json_request(IMAGE), scale(IMAGE))
    with http_server.answering(handler) as address:
        if fails:
            with pytest.raises(SystemExit, match=f"HTTP {code}"):
                check_answer(f"http://{address}", as_json, LOGITS)
        else:
            check_answer(f"http://{address}", as_json, LOGITS)


def test_a_server_has_its_cores_and_the_bench_gets_its_own_back():
    before = os.sched_getaffinity(0)
    with on([min(before)]):
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before
