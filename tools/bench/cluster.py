"""A run on a cluster: what the suite itself costs, against kubectl by hand, and how much it asks of the API server."""

import contextlib
import json
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import yaml

from acceptance.data.dataset import prepare
from acceptance.data.source import Source
from acceptance.errors import Unrecoverable
from acceptance.kubernetes import manifests
from acceptance.options import read_settings
from acceptance.serving import inference, repository
from acceptance.stacks.kubernetes import KubernetesStack
from acceptance.stacks.kubernetes_objects import PREDICTOR
from acceptance.stacks.workspace import Workspace
from acceptance.training.recipes import Recipe
from tools.bench.rows import Row
from tools.bench.suite import LOAD
from tools.suite_run import run_suite

PAIRS = 7
MINUTE = 60


def own_time(folder: Path, options: list[str]) -> Iterator[Row]:
    """A run on the stand-in less its training and its load, and the API requests of its busiest minute."""
    counted = folder / "requests.json"
    started = time.monotonic()
    run = run_suite(
        folder / "report", *options, plugin="tools.bench.count_requests", timeout=900, COUNT_REQUESTS=str(counted)
    )
    took = time.monotonic() - started
    if run.code:
        raise SystemExit("the run on the cluster failed")
    scenarios = run.scenarios()
    training = float(scenarios["the_cpu_models_run_is_tracked"].figures["training took"].split()[0])
    load = float(scenarios[LOAD].figures["load took"].split()[0])
    yield Row("a run on the cluster, less training and load", took - training - load, 60, "s")
    made = json.loads(counted.read_text(encoding="utf-8"))
    # what a port-forward carries is the scenarios' own traffic, which begins when the waiting is over
    times = [at for at, what in made if not what.endswith("/portforward")]
    busiest = max(sum(start <= at < start + MINUTE for at in times) for start in times)
    yield Row("API requests in the run's busiest minute, port-forwards apart, a second", busiest / MINUTE, 1, "/s")


def against_kubectl(folder: Path, options: list[str]) -> Iterator[Row]:
    """Deployment applied to first answer, against the same by hand; and a final state to the failed step."""
    settings = read_settings(given(options), ["existing"])
    with contextlib.ExitStack() as end:
        logs = folder / "logs"
        logs.mkdir()
        stack = end.enter_context(KubernetesStack(settings, Workspace(folder, logs), lambda text: None))
        dataset = prepare(Source(), folder / "data")
        run = stack.train(Recipe("cpu", "quick", 1, batch_size=32), dataset)
        image = dataset.held_out.pixels[:1]

        def ours() -> float:
            started = time.monotonic()
            with stack.serve(run, "cpu") as endpoint:
                inference.infer_json(endpoint.infer_url, image)
                took = time.monotonic() - started
            stack.namespace.waits.gone(endpoint.name)
            return took

        def by_hand() -> float:
            name = f"by-hand-{next(stack.numbers)}"
            file = folder / f"{name}.yaml"
            # as a person would have them in a file
            objects = [manifests.fit(one, stack.images, name) for one in stack.predictor_objects(name, run, "cpu")]
            file.write_text(yaml.safe_dump_all(objects), encoding="utf-8")
            kubectl = ["kubectl", "--context", stack.cluster.context, "-n", stack.namespace.name]
            started = time.monotonic()
            subprocess.run([*kubectl, "apply", "-f", file], check=True, capture_output=True)
            wait = ["wait", "--for=condition=Available", f"deployment/{name}", "--timeout=300s"]
            subprocess.run([*kubectl, *wait], check=True, capture_output=True)
            with forwarded(kubectl, name) as address:
                inference.infer_json(f"http://{address}/v2/models/{repository.MODEL}/infer", image)
                took = time.monotonic() - started
            stack.namespace.delete(*PREDICTOR, name=name)
            stack.namespace.waits.gone(name)
            return took

        times: dict[Callable[[], float], list[float]] = {ours: [], by_hand: []}
        for _ in range(PAIRS):
            for measure, taken in times.items():
                taken.append(measure())
        # both wait for probes of whole seconds: one pair says little
        ratio = statistics.median(times[ours]) / statistics.median(times[by_hand])
        yield Row("Deployment applied to first answer, against kubectl by hand", ratio, 1.1, "x")
        yield Row("a final pod state to the failed step", seconds_to_notice(stack), 30, "s")


def given(options: list[str]) -> dict[str, str]:
    return {key.lstrip("-").replace("-", "_"): value for key, _, value in (option.partition("=") for option in options)}


@contextlib.contextmanager
def forwarded(kubectl: list[str], name: str) -> Iterator[str]:
    """Forward a local port as a person would, by kubectl."""
    popen = subprocess.Popen(
        [*kubectl, "port-forward", f"deployment/{name}", ":8000"], stdout=subprocess.PIPE, encoding="utf-8"
    )
    try:
        assert popen.stdout
        line = popen.stdout.readline()  # Forwarding from 127.0.0.1:40123 -> 8000
        yield line.split("Forwarding from ")[1].split(" ")[0]
    finally:
        popen.terminate()
        popen.wait()


def seconds_to_notice(stack: KubernetesStack) -> float:
    """Return the seconds from a container's failure, which Kubernetes gives in whole ones, to the error of it."""
    (job,) = manifests.read_component("training")
    pod = manifests.pod_of(job)
    assert pod
    del pod["spec"]["initContainers"]
    manifests.container_of(job, "trainer")["command"] = ["python3", "-c", "raise SystemExit('by intent')"]
    stack.namespace.create(job, "failing")
    try:
        stack.namespace.waits.succeeded("failing", 60, lambda pod: "it runs")
    except Exception as error:
        noticed = time.time()
        (ended,) = stack.namespace.watches.pods.deleted()[-1:] or stack.namespace.pods.named("failing")
        if "by intent" not in str(error):
            raise
        return noticed - ended.status.container_statuses[0].state.terminated.finished_at.timestamp()
    raise Unrecoverable("a pod that failed was not noticed")
