"""The suite as a whole: how long a run takes, how much of it is its own, and its peak memory."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from acceptance.paths import ROOT
from tools.bench.rows import Row
from tools.suite_run import SuiteRun, command, environment

LOAD = "the_cpu_predictor_takes_the_tutorials_load"


def collect_only() -> Iterator[Row]:
    """The best of five: the first pays for cold caches, the machine for its neighbours."""
    times = []
    for _ in range(5):
        started = time.monotonic()
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q"]
        subprocess.run(command, cwd=ROOT, env=environment(), check=True, capture_output=True)
        times.append(time.monotonic() - started)
    yield Row("pytest --collect-only, best of five", min(times), 1, "s")


def acceptance(folder: Path, data: Path | None) -> Iterator[Row]:
    """Run the features on CIFAR-10, or on the stand-in where `data` is None."""
    name = "CIFAR-10" if data else "the stand-in"
    given = [f"--cifar10={data}"] if data else ["--data=digits"]
    started = time.monotonic()
    run, peak = run_measured(folder / "report", *given)
    took = time.monotonic() - started
    if run.code:
        raise SystemExit(f"the run on {name} failed:\n{run.output}")
    yield Row(f"a run on {name}", took / 60, 2, "min")
    yield Row(f"peak memory of the run on {name}", peak / 2**30, 4, "GiB")
    scenarios = run.scenarios()
    if data:
        seconds = float(scenarios["the_cpu_models_run_is_tracked"].figures["training took"].split()[0])
        load = scenarios[LOAD].figures
        yield Row("that run, less training and load", took - seconds - float(load["load took"].split()[0]), 60, "s")
        yield Row("p50 at 600 requests/s of 145 kB", float(load["p50"].split()[0]), 7.2, "ms")
        yield Row("p99 at 600 requests/s of 145 kB", float(load["p99"].split()[0]), 205, "ms")


def run_measured(report: Path, *arguments: str) -> tuple[SuiteRun, int]:
    """Run the features; return the run and the most memory in bytes that pytest and its children held together."""
    with (report.parent / "output").open("w+", encoding="utf-8") as output:
        popen = subprocess.Popen(
            command(report, *arguments), cwd=ROOT, env=environment(), stdout=output, stderr=subprocess.STDOUT
        )
        peak = 0
        try:
            while popen.poll() is None:
                peak = max(peak, memory_of(popen.pid))
                time.sleep(0.5)
        finally:
            popen.kill()
            popen.wait()
        output.seek(0)
        return SuiteRun(popen.returncode, output.read(), report, popen.pid), peak


def memory_of(pid: int) -> int:
    """Return the proportional set sizes of a process and its children in bytes: shared pages count once."""
    held = 0
    with contextlib.suppress(psutil.Error):  # it ended while we looked
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.Error):
                held += process.memory_full_info().pss
    return held
