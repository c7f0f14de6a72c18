"""The suite as a whole: how long a run takes, how much of it is training and load, and its peak memory."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.running import ROOT, SuiteRun, command, environment
from tools.bench.rows import Row

LOAD = "the_cpu_predictor_takes_the_tutorials_load"


def collect_only() -> Iterator[Row]:
    """The best of five: the first pays for cold caches, the machine for its neighbours."""
    times = []
    for _ in range(5):
        started = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "pytest", "--collect-only", "-q"], cwd=ROOT, check=True, capture_output=True
        )
        times.append(time.monotonic() - started)
    yield Row("pytest --collect-only", min(times), 1, "s")


def acceptance(folder: Path, data: Path | None) -> Iterator[Row]:
    """Run the features on CIFAR-10, or on the stand-in where `data` is None."""
    name = "CIFAR-10" if data else "the stand-in"
    given = [f"--cifar10={data}"] if data else ["--data=digits"]
    started = time.monotonic()
    run, peak = run_measured(folder / "report", *given)
    took = time.monotonic() - started
    if run.code:
        raise SystemExit(f"the run on {name} failed:\n{run.output}")
    yield Row(f"a run on {name}", took / 60, 10 if data else 2, "min")
    yield Row(f"peak memory of the run on {name}", peak / 2**30, 4, "GiB")
    scenarios = run.scenarios()
    if data:
        seconds = float(scenarios["the_cpu_models_run_is_tracked"].figures["training took"].split()[0])
        load = scenarios[LOAD].figures
        yield Row(
            "the training run and the load in it", (seconds + float(load["load took"].split()[0])) / took, 0.9, "", True
        )
        yield Row("p50 at 600 requests/s of 145 kB", float(load["p50"].split()[0]), 7.2, "ms")
        yield Row("p99 at 600 requests/s of 145 kB", float(load["p99"].split()[0]), 205, "ms")


def run_measured(report: Path, *arguments: str) -> tuple[SuiteRun, int]:
    """Run the features; return the run and the most memory in bytes that pytest and its children held together."""
    with (report.parent / "output").open("w+") as output:
        popen = subprocess.Popen(
            command(report, *arguments), cwd=ROOT, env=environment(), stdout=output, stderr=subprocess.STDOUT
        )
        peak = [0]
        watcher = threading.Thread(target=watch_memory, args=(popen, peak))
        watcher.start()
        code = popen.wait()
        watcher.join()
        output.seek(0)
        return SuiteRun(code, output.read(), report, popen.pid), peak[0]


def watch_memory(popen: subprocess.Popen, peak: list[int]) -> None:
    """Sum the proportional set sizes twice a second: shared pages count once."""
    root = psutil.Process(popen.pid)
    while popen.poll() is None:
        held = 0
        try:
            for process in [root, *root.children(recursive=True)]:
                try:
                    held += process.memory_full_info().pss
                except psutil.Error:
                    continue  # it ended while we looked
        except psutil.Error:
            return
        peak[0] = max(peak[0], held)
        time.sleep(0.5)
