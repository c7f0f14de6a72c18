"""Triton against other servers: one model, one image, the same loads, each server on the same cores."""

import contextlib
import functools
import math
import os
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import requests

from acceptance.busy import busy
from acceptance.data.dataset import Dataset, prepare
from acceptance.data.sample import find_sample
from acceptance.data.source import Source
from acceptance.health import unready
from acceptance.load.limits import REQUESTS_FOR_P99
from acceptance.load.pairs import send_pairs
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.options import read_settings
from acceptance.processes.local import free_port
from acceptance.serving.inference import json_request, scale
from acceptance.stacks.embedded import EmbeddedStack
from acceptance.stacks.workspace import Workspace
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun
from tools.bench.rows import Row
from tools.bench.servers import Form, Server, interpreter, open_inference, servers

LEAST_SECONDS = 5
WARM_UP_SECONDS = 3
FIRST, HIGHEST = 40, 12_800
# a server holds a rate while its 99th percentile stays below
HELD_SECONDS = 0.1
READY_SECONDS = 180
TRITON, FORMATS = "Triton", ("JSON", "binary")
PAIRS, P99_RATIO = 3, 0.2
# the tutorial's load, and how often each recipe's network gets it
TUTORIALS, RUNS = (600, 10), 10


@contextlib.contextmanager
def on(cores: Sequence[int]) -> Iterator[None]:
    """Have what is started here run on these cores alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Bench:
    """Sends loads to servers of one model, one server at a time, from cores that the servers don't use."""

    def __init__(self, stack: EmbeddedStack, expected: np.ndarray) -> None:
        self.stack, self.expected = stack, expected
        cores = sorted(os.sched_getaffinity(0))
        half = max(1, len(cores) // 2)
        self.for_servers, self.for_loads = cores[:half], cores[half:] or cores

    @contextlib.contextmanager
    def triton(self, run: TrainingRun) -> Iterator[str]:
        """Serve the run's model with Triton; yield its address."""
        with contextlib.ExitStack() as serving:
            with on(self.for_servers):
                endpoint = serving.enter_context(self.stack.serve(run, "cpu"))
            yield f"http://{endpoint.http}"

    @contextlib.contextmanager
    def peer(self, server: Server) -> Iterator[str]:
        """Start a server in its own environment; yield its address once it is ready."""
        port = free_port()
        command, address = server.command(interpreter(server.name), port), f"http://127.0.0.1:{port}"
        with on(self.for_servers):
            process = self.stack.processes.start(f"peer-{server.name}", command, server.environment)
        try:
            self.stack.wait_for_answer(server.name, lambda: unready(server.name, address + server.ready), READY_SECONDS)
            yield address
        finally:
            self.stack.processes.stop(process)

    def send(self, address: str, form: Form, rate: int, seconds: int = 0) -> LoadResult:
        """Send a load; as many seconds as a 99th percentile takes where none are given."""
        seconds = seconds or max(LEAST_SECONDS, math.ceil(REQUESTS_FOR_P99 / rate))
        with on(self.for_loads):
            return self.stack.attack_url("load", address + form.path, LoadPlan(rate, seconds, form.body, form.headers))

    def pair(self, triton: tuple[str, Form], peer: tuple[str, Form], rate: int) -> float:
        """Return Triton's 99th percentile over the other's, of two loads one right after the other."""
        loads = [self.send(*one, rate) for one in (triton, peer)]
        for load in loads:
            if load.invalid():
                raise SystemExit(f"a load of {rate} requests/s that both hold was INVALID: {load.invalid()}")
        print(f"Triton: {percentiles(loads[0])}; the other: {percentiles(loads[1])}", flush=True)
        return loads[0].percentile(99) / loads[1].percentile(99)

    def highest_rates(self, name: str, address: str, forms: Mapping[str, Form]) -> dict[str, int]:
        """Return the highest rate by the format of the request."""
        found = {}
        for kind, form in forms.items():
            check_answer(address, form, self.expected)
            self.send(address, form, FIRST, WARM_UP_SECONDS)
            found[kind] = highest_rate(functools.partial(self.send, address, form))
            print(f"{name} holds {found[kind]} {kind} requests/s", flush=True)
        return found


def check_answer(address: str, form: Form, expected: np.ndarray) -> None:
    """Raise SystemExit where a server doesn't answer as the model does: another answer may be quicker."""
    answer = requests.post(address + form.path, data=form.body, headers=dict(form.headers), timeout=60)
    if not answer.ok or not np.allclose(form.read(answer), expected, atol=1e-3):
        said = f"HTTP {answer.status_code} {answer.text[:300]}"
        raise SystemExit(f"{address}{form.path}: not the model's answer: {said}")


def highest_rate(send: Callable[[int], LoadResult]) -> int:
    """Return the highest rate a second that is held, to 10 %: doubled until one isn't, then halved between. 0: none."""
    low, high, rate = 0, 0, FIRST
    while rate and not (low and high) and rate <= HIGHEST:
        if holds(send(rate)):
            low, rate = rate, rate * 2
        else:
            high, rate = rate, rate // 2
    while high and high - low > max(1, low // 10):
        middle = (low + high) // 2
        if holds(send(middle)):
            low = middle
        else:
            high = middle
    return low


def holds(result: LoadResult) -> bool:
    """Say whether the server kept up: all answered well, and soon enough."""
    return not result.invalid() and result.percentile(99) <= HELD_SECONDS


def percentiles(load: LoadResult) -> str:
    p50, p99 = (load.percentile(percent) * 1000 for percent in (50, 99))
    return f"p50 {p50:.1f}, p99 {p99:.1f} ms"


@contextlib.contextmanager
def stack_and_stand_in(folder: Path) -> Iterator[tuple[EmbeddedStack, Dataset]]:
    """Yield what trains and serves in the folder, and the data to train on: the network is that of CIFAR-10."""
    for name in ("logs", "run"):
        (folder / name).mkdir()
    settings = read_settings({"data": "digits"}, ["embedded"], {})
    with EmbeddedStack(settings, Workspace(folder / "run", folder / "logs"), lambda text: None) as stack:
        yield stack, prepare(Source(), folder / "data")


def quick_against_six(folder: Path) -> Iterator[Row]:
    """Serve the networks of both recipes, trained on the stand-in, and send each the tutorial's load in turns."""
    with stack_and_stand_in(folder) as (stack, dataset):
        plan = LoadPlan(*TUTORIALS, json_request(dataset.held_out.pixels[:1]))
        with contextlib.ExitStack() as serving:
            endpoints = {}
            for device, profile in (("cpu", "six"), ("gpu", "quick")):  # a pair's names
                run = stack.train(Recipe("cpu", profile, 1, batch_size=32), dataset)
                endpoints[device] = serving.enter_context(stack.serve(run, "cpu"))
                stack.send_load(endpoints[device], plan)

            def send(device: str) -> LoadResult:
                load = stack.send_load(endpoints[device], plan)
                said = "; ".join([percentiles(load), *load.invalid(), load.machine or busy() or "nothing else ran"])
                print(f"{'six' if device == 'cpu' else 'quick'}: {said}", flush=True)
                return load

            found = send_pairs(send, RUNS)
    for ratio in found.ratios():
        what = f"p{ratio.percent} of quick over that of six at {TUTORIALS[0]} JSON requests/s"
        interval = f"{len(found.counted)} pairs: {ratio.low:.2f} to {ratio.high:.2f}"
        yield Row(f"{what} ({interval})", ratio.estimate, 1, "x")


def triton_against_peers(folder: Path) -> Iterator[Row]:
    """Train on the stand-in, serve by each server, send the same image to all.

    First each server's highest rate in each format; then pairs of Triton and the best of the others, at its highest.
    """
    (folder / "mlserver").mkdir()
    with stack_and_stand_in(folder) as (stack, dataset):
        run = stack.train(Recipe("cpu", "quick", 6, batch_size=32), dataset)
        index = find_sample(dataset)
        image = dataset.held_out.pixels[index : index + 1]
        models = {name: run.download_model(name, folder / name) for name in ("onnx", "keras")}
        bench = Bench(stack, run.onnx_logits(scale(image), folder / "answers"))
        body = json_request(image)
        others = servers(models, body, scale(image), folder / "mlserver")
        own = dict(zip(FORMATS, open_inference(body, scale(image)), strict=True))
        rates = {}
        with bench.triton(run) as address:
            rates[TRITON] = bench.highest_rates(TRITON, address, own)
        for server in others:
            with bench.peer(server) as address:
                rates[server.name] = bench.highest_rates(server.name, address, server.forms())
        for kind in FORMATS:
            best = max(others, key=lambda server: rates[server.name].get(kind, 0))
            held = rates[best.name].get(kind, 0)
            if not held:
                raise SystemExit(f"none of the other servers holds any rate of {kind} requests")
            yield Row(f"highest rate of Triton against {best.name}, {kind}", rates[TRITON][kind] / held, 1, "x", True)
            with bench.triton(run) as triton, bench.peer(best) as peer:
                found = [bench.pair((triton, own[kind]), (peer, best.forms()[kind]), held) for _ in range(PAIRS)]
            what = f"p99 of Triton against {best.name} at {held} {kind} requests/s"
            yield Row(what, statistics.median(found), P99_RATIO, "x")
