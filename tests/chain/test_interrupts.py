"""A run that is cut off, and processes that die under it: a quick, clear end, and nothing left."""

import re
import signal
import subprocess
import time

import pytest

from fixtures.support.wait import Ready, wait_until
from tests.chain.leftovers import leftovers, processes_of
from tests.running import ROOT, command, environment


@pytest.fixture
def running(tmp_path):
    """A run in its training; yields (the pytest process, its folder)."""
    (tmp_path / "tmp").mkdir()
    with (tmp_path / "output").open("wb") as output:
        popen = subprocess.Popen(
            command(tmp_path / "report", "--data=digits", "-k", "cpu_model_learns"),
            cwd=ROOT,
            env=environment(TMPDIR=str(tmp_path / "tmp")),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    trainer = tmp_path / "report" / "logs" / "trainer-cpu-quick-1.log"
    wait_until("the training to start", lambda: Ready(None) if trainer.exists() else "not yet", 60)
    yield popen, tmp_path
    popen.kill()
    popen.wait()


def output(folder) -> str:
    return (folder / "output").read_text()


def wait_clean(folder) -> None:
    wait_until("nothing to be left", lambda: Ready(None) if not leftovers(folder) else str(leftovers(folder)), 20)


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


@pytest.mark.parametrize(
    ("victim", "name"), [("mlflow.*server|uvicorn", "mlflow"), ("train.py|mlflow.*run", "trainer")]
)
def test_a_process_that_is_killed_fails_the_step_within_5_seconds(running, victim, name):
    popen, folder = running
    logs = folder / "report" / "logs"
    if name == "trainer":
        log = logs / "trainer-cpu-quick-1.log"
        wait_until("the trainer", lambda: Ready(None) if b"Running command" in log.read_bytes() else "not yet", 60)
    victims = [process for process in processes_of(folder) if re.search(victim, " ".join(process.cmdline()))]
    assert victims
    killed = time.monotonic()
    for process in victims:
        process.kill()
    assert popen.wait(30) == 1
    took = time.monotonic() - killed
    assert f"{name}" in output(folder)
    assert "was killed by SIGKILL" in output(folder) or "exited with" in output(folder)
    assert took < 5 + 10, "the wait takes at most 5 s, the end of the other processes at most 10"
    wait_clean(folder)
