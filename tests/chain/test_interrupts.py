"""A run that is cut off, and processes that die under it: a quick, clear end, and nothing left."""

import re
import signal
import subprocess
import time

import pytest

from fixtures.support.wait import Ready, wait_until
from tests.chain.leftovers import processes_of, wait_clean
from tests.running import ROOT, command, environment


@pytest.fixture
def start(tmp_path):
    """Start a run of some scenarios and wait until a log shows how far it is; return (pytest's process, its folder)."""
    (tmp_path / "tmp").mkdir()
    started = []

    def start(scenario, log):
        with (tmp_path / "output").open("wb") as output:
            popen = subprocess.Popen(
                command(tmp_path / "report", "--data=digits", "--duration=30", "-k", scenario),
                cwd=ROOT,
                env=environment(TMPDIR=str(tmp_path / "tmp")),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        started.append(popen)
        file = tmp_path / "report" / "logs" / f"{log}.log"
        wait_until(f"{log} to start", lambda: Ready(None) if file.exists() else "not yet", 120)
        return popen, tmp_path

    yield start
    for popen in started:
        popen.kill()
        popen.wait()


@pytest.fixture
def running(start):
    """A run in its training."""
    return start("cpu_model_learns", "trainer-cpu-quick-1")


def output(folder) -> str:
    return (folder / "output").read_text()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 2), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_stop_everything_and_leave_a_report(running, number, code):
    popen, folder = running
    popen.send_signal(number)
    assert popen.wait(40) == code, output(folder)
    wait_clean(folder)
    assert (folder / "report" / "report.html").exists()
    assert (folder / "report" / "junit.xml").read_text().endswith("</testsuites>")


def test_kill_9_leaves_no_process_and_no_directory(running):
    popen, folder = running
    popen.kill()
    popen.wait()
    wait_clean(folder)


def kill(folder, pattern) -> None:
    """Kill the run's processes whose command line matches, once there are any."""

    def state():
        found = [process for process in processes_of(folder) if re.search(pattern, " ".join(process.cmdline()))]
        return Ready(found) if found else "there is none yet"

    for process in wait_until(f"a process like {pattern}", state, 120):
        process.kill()


@pytest.mark.parametrize(
    ("scenario", "log", "pattern", "words"),
    [
        ("cpu_model_learns", "trainer-cpu-quick-1", "mlflow server|uvicorn", "mlflow was killed by SIGKILL"),
        ("cpu_model_learns", "trainer-cpu-quick-1", "train.py --data", "trainer-cpu-quick-1 exited with"),
        ("tutorials_load", "vegeta-cpu-3", "bin/tritonserver", "triton-cpu-2 was killed by SIGKILL"),
        ("tutorials_load", "vegeta-cpu-3", "vegeta attack", "vegeta-cpu-3 was killed by SIGKILL"),
    ],
)
def test_a_process_that_is_killed_fails_the_waiting_step_at_once(start, scenario, log, pattern, words):
    popen, folder = start(scenario, log)
    kill(folder, pattern)
    killed = time.monotonic()
    failed = re.compile(r"(^|\.py )F(\s|$)", re.MULTILINE)
    wait_until("the scenario to fail", lambda: Ready(None) if failed.search(output(folder)) else output(folder), 20)
    assert time.monotonic() - killed < 5
    assert popen.wait(40) == 1
    assert words in output(folder)
    assert f"the end of {folder}" in output(folder)
    wait_clean(folder)
