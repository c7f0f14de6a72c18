"""Triton against `mlflow models serve`: one model, one image, the same vegeta."""

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

from acceptance.data.dataset import prepare
from acceptance.data.sample import find_sample
from acceptance.data.source import Source
from acceptance.health import unready
from acceptance.load.limits import REQUESTS_FOR_P99
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.options import read_settings
from acceptance.processes.local import free_port
from acceptance.serving.inference import json_request
from acceptance.stacks.embedded import EmbeddedStack
from acceptance.stacks.workspace import Workspace
from acceptance.training import project as mlflow_local
from acceptance.training.recipes import Recipe
from tools.bench.rows import Row

LEAST_SECONDS = 5
WARM_UP_SECONDS = 3
HIGHEST = 3200


def triton_against_mlflow(folder: Path) -> Iterator[Row]:
    """Train on the stand-in (the network is the same), serve both ways, send the same image to both."""
    logs = folder / "logs"
    logs.mkdir()
    (folder / "run").mkdir()
    settings = read_settings({"data": "digits"}, ["embedded"], {})
    with EmbeddedStack(settings, Workspace(folder / "run", logs), lambda text: None) as stack:
        dataset = prepare(Source(), folder / "data")
        run = stack.train(Recipe("cpu", "quick", 6, batch_size=32), dataset)
        index = find_sample(dataset)
        image = dataset.held_out.pixels[index : index + 1]
        body = json_request(image)
        with stack.serve(run, "cpu") as endpoint:
            triton_rate = highest_rate(stack, endpoint.infer_url, body, 320)
        port = free_port()
        model = run.download_model("onnx", folder / "model")
        command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(model), "--env-manager", "local"]
        server = stack.processes.start("mlflow-serve", [*command, "-p", str(port)], mlflow_local.server_environment())
        ping = f"http://127.0.0.1:{port}/ping"
        stack.wait_for_answer("mlflow models serve", lambda: unready("it", ping), 120)
        url, mlflow_body = f"http://127.0.0.1:{port}/invocations", scoring_body(body)
        mlflow_rate = highest_rate(stack, url, mlflow_body, 40)
        both = max(1, mlflow_rate // 2)
        mlflow_load = send(stack, url, mlflow_body, both)
        stack.processes.stop(server)
        with stack.serve(run, "cpu") as endpoint:
            triton_load = send(stack, endpoint.infer_url, body, both)
    for load in (triton_load, mlflow_load):
        if load.invalid():
            raise SystemExit(f"a load that both hold was INVALID: {load.invalid()}")
    ratio = triton_load.percentile(99) / mlflow_load.percentile(99)
    print(f"highest rates with 100 % success: Triton {triton_rate}/s, mlflow models serve {mlflow_rate}/s")
    yield Row(f"p99 of Triton against mlflow models serve at {both} requests/s", ratio, 0.2, "x")
    yield Row("highest rate of Triton against mlflow models serve", triton_rate / mlflow_rate, 5, "x", True)


def scoring_body(body: bytes) -> bytes:
    """Return the same tensor in MLflow's own scoring format."""
    (tensor,) = json.loads(body)["inputs"]
    return json.dumps({"inputs": {tensor["name"]: tensor["data"]}}, indent=2).encode().ljust(len(body))


def send(stack: EmbeddedStack, url: str, body: bytes, rate: int, seconds: int = 0) -> LoadResult:
    """Send a load to any URL; as many seconds as a 99th percentile takes where none are given."""
    seconds = seconds or max(LEAST_SECONDS, math.ceil(REQUESTS_FOR_P99 / rate))
    return stack.attack_url("vegeta", url, LoadPlan(rate, seconds, body))


def holds(result: LoadResult) -> bool:
    """Say whether the server kept up: all answered well, and no queue that grows through the load."""
    return not result.invalid() and result.percentile(99) < 1


def highest_rate(stack: EmbeddedStack, url: str, body: bytes, first: int) -> int:
    """Return the highest rate that is held, to 20 %: from the first doubled or halved, then halved between."""
    send(stack, url, body, first, WARM_UP_SECONDS)
    low = high = 0
    rate = first
    while rate and not (low and high) and rate <= HIGHEST:
        if holds(send(stack, url, body, rate)):
            low, rate = rate, rate * 2
        else:
            high, rate = rate, rate // 2
    if not low:
        raise SystemExit(f"{url} does not even hold {high} requests/s")
    while high and high - low > low // 5:
        middle = (low + high) // 2
        if holds(send(stack, url, body, middle)):
            low = middle
        else:
            high = middle
    return low
