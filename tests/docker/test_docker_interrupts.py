"""A run in containers that is cut off, or whose containers die under it: a quick, clear end, and nothing left."""

import contextlib
import signal

import pytest

from acceptance.docker.cleanup import PART_OF
from acceptance.waiting import Ready, wait_until
from tests.docker.leftovers import wait_clean
from tests.running import AT_ONCE, LIGHT, SILENT_SECONDS, RunClock, started_suite

pytestmark = pytest.mark.docker


@pytest.fixture
def start(client, images_file, tmp_path):
    """Start a run of some scenarios and wait until a container of it runs."""
    (tmp_path / "tmp").mkdir()
    with contextlib.ExitStack() as started:

        def start(scenario, name):
            options = ["--target=docker", "--profile=quick", "--data=digits", "--duration=30"]
            if scenario == "tutorials_load":
                options += LIGHT
            run = started.enter_context(
                started_suite(
                    tmp_path, *options, f"--images={images_file}", "-k", scenario, TMPDIR=str(tmp_path / "tmp")
                )
            )
            # a real training may come before it, on a machine that others use
            wait_until(f"{name} to run", lambda: running(client, name) or run.output or "not yet", 400)
            return run

        yield start
    wait_clean(client, tmp_path)


def running(client, name):
    """Return the suite's running container of that name as Ready, or its network for "network", or None."""
    label = [f"{key}={value}" for key, value in PART_OF.items()]
    if name == "network":
        found = client.networks.list(filters={"label": label})
    else:
        there = client.containers.list(filters={"label": label}, ignore_removed=True)
        found = [one for one in there if one.name.endswith(name)]
    return Ready(found[0]) if found else None


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 2), (signal.SIGTERM, 143)])
def test_ctrl_c_and_sigterm_remove_everything_and_leave_a_report(client, start, tmp_path, number, code):
    run = start("cpu_model_learns", "trainer-cpu-quick-1")
    run.popen.send_signal(number)
    assert run.wait_for_end() == code, run.output
    wait_clean(client, tmp_path)
    assert (tmp_path / "report" / "junit.xml").read_text().endswith("</testsuites>")
    assert (tmp_path / "report" / "logs" / "trainer-cpu-quick-1.log").exists()


@pytest.mark.parametrize("moment", ["network", "mlflow", "triton-cpu-2", "vegeta-cpu-3"])
def test_ctrl_c_at_other_moments_removes_everything(client, start, tmp_path, moment):
    run = start("tutorials_load", moment)
    run.popen.send_signal(signal.SIGINT)
    assert run.wait_for_end() == 2, run.output
    wait_clean(client, tmp_path)


def test_kill_9_leaves_no_container_and_no_directory(client, start, tmp_path):
    run = start("cpu_model_learns", "trainer-cpu-quick-1")
    run.popen.kill()
    run.wait_for_end()
    wait_clean(client, tmp_path)


@pytest.mark.parametrize(
    ("scenario", "name", "victim"),
    [
        ("cpu_model_learns", "trainer-cpu-quick-1", "trainer-cpu-quick-1"),
        ("cpu_model_learns", "trainer-cpu-quick-1", "mlflow"),
        ("tutorials_load", "vegeta-cpu-3", "triton-cpu-2"),
    ],
)
def test_a_container_that_is_killed_fails_the_waiting_step_at_once(client, start, tmp_path, scenario, name, victim):
    run = start(scenario, name)
    running(client, victim).value.kill()
    clock = RunClock(run.popen.pid)
    run.wait_for_failure()
    assert clock.seconds() < AT_ONCE
    assert run.wait_for_end() == 1, run.output
    assert f"{victim} was killed by SIGKILL" in run.output
    assert f"the end of {tmp_path}" in run.output
    wait_clean(client, tmp_path)


def test_an_mlflow_that_falls_silent_during_the_training_is_named_in_time(client, start, tmp_path):
    run = start("cpu_model_learns", "trainer-cpu-quick-1")
    running(client, "mlflow").value.pause()
    run.wait_for_failure(SILENT_SECONDS)
    assert run.wait_for_end() == 1, run.output
    assert "answers no more" in run.output
    wait_clean(client, tmp_path)
