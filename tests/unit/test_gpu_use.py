"""The GPU's utilisation while loads run, from Triton's metrics."""

import http.server
import threading

import pytest

from fixtures.support.gpu_use import GpuUse, busiest, watched
from fixtures.support.wait import Ready, wait_until

METRICS = """# TYPE nv_gpu_utilization gauge
nv_gpu_utilization{gpu_uuid="GPU-1"} 0.05
nv_gpu_utilization{gpu_uuid="GPU-2"} 0.62
nv_gpu_memory_total_bytes{gpu_uuid="GPU-2"} 150754820096
"""


@pytest.fixture
def metrics():
    """A server of metrics: its address, the text that it gives, and how often it was asked."""

    class Handler(http.server.BaseHTTPRequestHandler):
        text, asked = METRICS, 0

        def do_GET(self):
            Handler.asked += 1
            self.send_response(200)
            self.end_headers()
            self.wfile.write(self.text.encode())

        def log_message(self, *arguments):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_port}", Handler
        server.shutdown()


def test_the_busiest_gpu_counts():
    assert busiest(METRICS) == [0.62]
    assert busiest("nv_inference_count 1\n") == []


def test_the_median_of_a_load_is_kept(metrics):
    address, handler = metrics
    use = GpuUse()
    with watched(address, use.under("gpu")):
        wait_until("three samples", lambda: Ready(None) if handler.asked >= 3 else str(handler.asked), 20)
    assert use.gpu == [0.62]
    assert use.cpu == []


def test_a_server_that_is_gone_leaves_nothing_and_stops_nothing():
    use = GpuUse()
    with watched("127.0.0.1:9", use.under("cpu")):
        pass
    assert use.cpu == []


@pytest.mark.parametrize(
    ("cpu", "gpu", "words"),
    [
        ([0.0, 0.0], [0.3, 0.4], ""),
        ([0.0, 0.0], [0.0, 0.0], "the GPU predictor ran on the CPU"),
        ([0.3, 0.4], [0.3, 0.2], "it proves nothing"),
        ([0.4], [0.41], "is it shared?"),
        ([0.0], [], "no nv_gpu_utilization"),
    ],
)
def test_only_a_gpu_that_works_for_its_own_predictor_proves_it(cpu, gpu, words):
    wrong = GpuUse(cpu, gpu).wrong()
    assert words in wrong
    assert bool(wrong) == bool(words)
