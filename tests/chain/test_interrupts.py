"""A run that is cut off, and processes that die under it: a quick, clear end, and nothing left."""

import contextlib
import re
import signal

import psutil
import pytest

from acceptance.redaction.patterns import MARK
from acceptance.waiting import Ready, wait_until
from tests.chain.leftovers import processes_of, wait_clean
from tests.running import AT_ONCE, LIGHT, SILENT_SECONDS, RunClock, started_suite

# logs whose start shows how far a run is
TRAINER, LOAD = "trainer-cpu-quick-1", "vegeta-cpu-3"
SECRET = "plain" + "words" * 3


@pytest.fixture
def start(tmp_path):
    """Start a run of some scenarios and wait until a log shows how far it is."""
    (tmp_path / "tmp").mkdir()
    with contextlib.ExitStack() as started:

        def start(scenario, log, light=LIGHT):
            arguments = (*light, "--data=digits", "--duration=30", "-k", scenario)
            # the guardian cleans up whatever the environment says
            variables = {"TMPDIR": str(tmp_path / "tmp"), "PYTHONSAFEPATH": "1", "MY_SECRET": SECRET}
            run = started.enter_context(started_suite(tmp_path, *arguments, **variables))
            run.wait_for_log(log)
            return run

        yield start


@pytest.fixture
def running(start):
    """A run in its training, of the real network."""
    return start("cpu_model_learns", TRAINER, light=())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 2), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_stop_everything_and_leave_a_report(running, number, code):
    running.popen.send_signal(number)
    assert running.wait_for_end() == code, running.output
    wait_clean(running.folder)
    assert "INTERRUPTED" in (running.report / "report.html").read_text()
    assert (running.report / "junit.xml").read_text().endswith("</testsuites>")


def test_kill_9_leaves_no_process_no_directory_no_secret_and_a_report(running):
    planted = running.report / "logs" / "planted.log"
    planted.write_text(f"using {SECRET}\n")
    running.popen.kill()
    running.wait_for_end()
    wait_clean(running.folder)
    assert planted.read_text() == f"using {MARK}\n"
    assert not (running.report / "logs" / "guardian.log").exists()
    assert "DID NOT FINISH" in (running.report / "report.html").read_text()


def find(folder, pattern) -> list[psutil.Process]:
    """Return the run's processes whose command line matches, once there are any."""

    def state():
        found = [process for process, command in processes_of(folder).items() if re.search(pattern, command)]
        return Ready(found) if found else "there is none yet"

    return wait_until(f"a process like {pattern}", state, 60)


def send(number, folder, pattern) -> None:
    for process in find(folder, pattern):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def child_of(suite: int, process: psutil.Process) -> psutil.Process:
    """Return the suite's own child that the process belongs to: the suite waits for that one."""
    family = [process, *process.parents()]
    return next(member for member in family if member.ppid() == suite)


def wait_ended(process: psutil.Process) -> None:
    def state():
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.status() != psutil.STATUS_ZOMBIE:
                return "it runs"
        return Ready(None)

    wait_until(f"{process.pid} to end", state, 60)


@pytest.mark.parametrize(
    ("scenario", "log", "pattern", "words"),
    [
        ("cpu_model_learns", TRAINER, "mlflow server|uvicorn", "mlflow was killed by SIGKILL"),
        ("cpu_model_learns", TRAINER, "train.py --data", f"{TRAINER} exited with"),
        ("tutorials_load", LOAD, "bin/tritonserver", "triton-cpu-2 was killed by SIGKILL"),
        ("tutorials_load", LOAD, "vegeta attack", f"{LOAD} was killed by SIGKILL"),
    ],
)
def test_a_process_that_is_killed_fails_the_waiting_step_at_once(start, scenario, log, pattern, words):
    run = start(scenario, log)
    waited_for = child_of(run.popen.pid, find(run.folder, pattern)[0])
    send(signal.SIGKILL, run.folder, pattern)
    wait_ended(waited_for)  # `mlflow run` takes its time after the trainer
    clock = RunClock(run.popen.pid)
    run.wait_for_failure()
    assert clock.seconds() < AT_ONCE
    assert run.wait_for_end() == 1, run.output
    assert words in run.output
    assert f"the end of {run.folder}" in run.output
    wait_clean(run.folder)


def test_an_mlflow_that_falls_silent_during_the_training_is_named_in_time(start):
    running = start("cpu_model_learns", TRAINER)
    find(running.folder, "train.py --data")  # MLflow has answered by then
    send(signal.SIGSTOP, running.folder, "mlflow server|uvicorn")
    running.wait_for_failure(SILENT_SECONDS)
    assert running.wait_for_end() == 1, running.output
    assert "MLflow at http://127.0.0.1:" in running.output
    assert "answers no more" in running.output
    wait_clean(running.folder)
