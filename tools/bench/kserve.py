"""KServe's predictors against the suite's own Deployments, with one model and in turns."""

import contextlib
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

from acceptance.data.dataset import prepare
from acceptance.data.source import Source
from acceptance.load.measured import sent_in_time
from acceptance.load.pairs import send_pairs
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.options import read_settings
from acceptance.serving.endpoint import Endpoint
from acceptance.serving.inference import infer_json, json_request
from acceptance.stacks.deployment_serving import DeploymentServing, Serving
from acceptance.stacks.kubernetes import KubernetesStack
from acceptance.stacks.kubernetes_serving import KServeServing
from acceptance.stacks.workspace import Workspace
from acceptance.training.recipes import Recipe
from tools.bench.cluster import given
from tools.bench.rows import Row

STARTS, PAIRS = 5, 6
RATE, SECONDS = 100, 20


def against_deployment(folder: Path, options: list[str]) -> Iterator[Row]:
    """What is applied to its first answer, less the Deployment's; and the load through KServe's Service, in pairs.

    `options` are those of a run with `--predictor=kserve` and `--store`.
    """
    settings = read_settings(given(options), ["existing"])
    with contextlib.ExitStack() as end:
        logs = folder / "logs"
        logs.mkdir()
        stack = end.enter_context(KubernetesStack(settings, Workspace(folder, logs), lambda text: None))
        stack.look_ahead(frozenset())
        dataset = prepare(Source(), folder / "data")
        run = stack.train(Recipe("cpu", "quick", 1, batch_size=32), dataset)
        image = dataset.held_out.pixels[:1]
        kserve = stack.serving
        if not isinstance(kserve, KServeServing):
            raise SystemExit("--cluster has no --predictor=kserve and --store")
        servings: dict[str, Serving] = {
            "deployment": DeploymentServing(stack.namespace, stack.images),
            "kserve": kserve,
        }

        @contextlib.contextmanager
        def served(by: str) -> Iterator[Endpoint]:
            stack.serving = servings[by]
            with stack.serve(run, "cpu") as endpoint:
                yield endpoint

        def first_answer(by: str) -> float:
            began = time.monotonic()
            with served(by) as endpoint:
                infer_json(endpoint.infer_url, image)
                took = time.monotonic() - began
            stack.namespace.waits.gone(endpoint.name)
            return took

        taken: dict[str, list[float]] = {by: [] for by in servings}
        for _ in range(STARTS):
            for by, seconds in taken.items():
                seconds.append(first_answer(by))
        above = statistics.median(taken["kserve"]) - statistics.median(taken["deployment"])
        yield Row("InferenceService applied to first answer, above the same Deployment", above, 5, "s")

        with served("deployment") as deployment:
            # only one of a target's two predictors is ever on the GPU; here the names stand for the two ways
            endpoints = {"cpu": deployment, "gpu": end.enter_context(served("kserve"))}
            plan = LoadPlan(RATE, SECONDS, json_request(image))

            def send(way: str) -> LoadResult:
                return sent_in_time(lambda: stack.send_load(endpoints[way], plan))

            found = send_pairs(send, PAIRS)
            half, most = found.ratios()
            interval = f"{len(found.counted)} pairs: {half.low:.2f} to {half.high:.2f}"
            # the interval must not lie wholly above the limit
            value = half.low if half.low <= 1.1 <= half.estimate else half.estimate
            yield Row(f"p50 through KServe's Service over the Deployment's, {interval}", value, 1.1, "x")
            print(f"p99 of the same, not judged: {most}", flush=True)
