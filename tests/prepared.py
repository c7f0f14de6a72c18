"""Runs of the suite in processes that have its libraries loaded already, which takes a new Python half a second.

They are forks of one process (multiprocessing's forkserver), and do else what `python -m pytest` would. A run whose
environment changes Python itself, or a library while it is loaded, is none for them: `tools.suite_run` starts it.
"""

import contextlib
import ctypes
import functools
import gc
import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

from acceptance.paths import ROOT
from tools.suite_run import SuiteRun, environment, options

PR_SET_PDEATHSIG = 1


@functools.cache
def forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.preload"])
    return context


def run_prepared(report: Path, *arguments: str, plugin: str = "", timeout: float, **variables: str) -> SuiteRun:
    """Run the features to their end, within so many seconds, as `run_suite` does."""
    words = options(report, *arguments, plugin=plugin)
    with tempfile.NamedTemporaryFile(prefix="run-", suffix=".txt") as said:
        run = forks().Process(target=become_run, args=(words, environment(**variables), said.name))
        run.start()
        try:
            run.join(timeout)
        finally:
            code = run.exitcode
            run.kill()
            run.join()
        output = said.read().decode(errors="replace")
    print(output, file=sys.stderr)  # pytest shows it where a test fails
    assert code is not None, f"the run was not over after {timeout} s"
    return SuiteRun(code, output, report, run.pid or 0)


def become_run(words: Sequence[str], variables: Mapping[str, str], said: str) -> None:
    """Run pytest in this process: with the output, the environment, the folder and the command line of a run."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)  # none outlives its test
    output = os.open(said, os.O_WRONLY | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    gc.freeze()  # pytest looks for garbage at its end; there is none in the libraries
    with (
        open(1, "w", encoding="utf-8", closefd=False) as stdout,
        open(2, "w", encoding="utf-8", closefd=False) as stderr,
        contextlib.redirect_stdout(stdout),
        contextlib.redirect_stderr(stderr),
    ):
        raise SystemExit(pytest.main([*words[1:]]))
