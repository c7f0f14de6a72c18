"""The GPU's utilisation while loads run, from Triton's metrics."""

from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from acceptance.load.gpu_utilisation import GpuUtilisation, busiest, utilisation, watched
from acceptance.serving.endpoint import Endpoint
from acceptance.waiting import Ready, wait_until
from tests import http_server
from tests.unit.problems import assert_problem

METRICS = """# TYPE nv_gpu_utilization gauge
nv_gpu_utilization{gpu_uuid="GPU-2"} 0.62
nv_gpu_utilization{gpu_uuid="GPU-1"} 0.05
nv_gpu_memory_total_bytes{gpu_uuid="GPU-2"} 150754820096
"""


@pytest.fixture
def metrics():
    """A server of metrics: its address, the text that it gives, and how often it was asked."""

    class Handler(BaseHTTPRequestHandler):
        text, asked = METRICS, 0

        def do_GET(self):
            Handler.asked += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.text.encode())

    with http_server.answering(Handler) as address:
        yield address, Handler


def endpoint_of(metrics):
    """An endpoint whose metrics are there; of the rest nothing is asked."""
    run: Any = None
    return Endpoint("triton-gpu-1", "", "", metrics, "cifar10", "gpu", run, metrics_seconds=0.2)


def test_each_gpu_has_its_own_utilisation():
    assert utilisation(METRICS) == {"GPU-1": 0.05, "GPU-2": 0.62}
    assert utilisation("nv_inference_count 1\n") == {}


def test_a_busy_neighbour_is_not_the_models_gpu():
    use = GpuUtilisation([{"neighbour": 0.9, "own": 0.0}] * 2, [{"neighbour": 0.85, "own": 0.3}] * 2)
    assert_problem(use.problem())
    assert use.summary() == "30.0% under the GPU's loads and 0.0% under the CPU's loads"


def test_a_busy_neighbour_proves_nothing():
    use = GpuUtilisation([{"neighbour": 0.9, "own": 0.0}], [{"neighbour": 0.9, "own": 0.0}])
    assert_problem(use.problem(), "the GPU was busy under the CPU's loads")


@pytest.mark.parametrize("before", [0, 20])
def test_starting_and_ending_a_load_does_not_dilute_it(before):
    """A load of 10 s in half a minute that it takes to start, to upload and to read it."""
    seconds = [at / 2 for at in range(60)]
    samples = [(at, 0.4 if before <= at < before + 10 else 0.0) for at in seconds]
    assert busiest(samples, 10) == 0.4


def test_what_was_before_a_load_is_not_its_own():
    """Triton's figure is up to two seconds old."""
    assert busiest([(at / 2, 0.4 if at < 5 else 0.0) for at in range(22)], 10) == 0.0


def test_a_watch_shorter_than_the_load_counts_as_a_whole():
    assert busiest([(0.0, 0.9), (0.5, 0.1), (1.0, 0.2)], 10) == 0.2


def test_what_a_load_leaves_is_kept_for_each_gpu(metrics):
    address, handler = metrics
    use = GpuUtilisation()
    with watched(endpoint_of(address), use.under("gpu"), 10):
        wait_until("three samples", lambda: Ready(None) if handler.asked >= 3 else str(handler.asked), 20)
    assert use.gpu == [{"GPU-1": 0.05, "GPU-2": 0.62}]
    assert use.cpu == []


def test_a_server_that_is_gone_leaves_nothing_and_stops_nothing():
    use = GpuUtilisation()
    with watched(endpoint_of("127.0.0.1:9"), use.under("cpu"), 10):
        pass
    assert use.cpu == []


@pytest.mark.parametrize(
    ("cpu", "gpu", "words"),
    [
        ([0.0, 0.0], [0.3, 0.4], ""),
        ([0.0, 0.0], [0.0, 0.0], "the GPU did no more"),
        ([0.3, 0.4], [0.3, 0.2], "which proves nothing"),
        ([0.4], [0.41], "see whether others use it"),
        ([0.2, 0.2], [0.45, 0.45], "busy under the CPU's loads, over 5%"),
        ([0.04], [0.3], ""),
        ([0.04], [0.04], "the GPU did no more"),
        ([0.0], [], "no nv_gpu_utilization"),
    ],
)
def test_only_a_gpu_that_works_for_its_own_predictor_proves_it(cpu, gpu, words):
    use = GpuUtilisation([{"GPU-1": use} for use in cpu], [{"GPU-1": use} for use in gpu])
    assert_problem(use.problem(), words)
