"""What the tests themselves rely on: children that Ctrl-C ends, and threads whose faults are not lost."""

import os
import signal
import subprocess
import sys
import threading

import psutil
import pytest

from acceptance.paths import ROOT
from acceptance.waiting import Ready, wait_until
from tests.threads import beside
from tools.suite_run import environment

ASKED = "import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"


def test_a_child_has_the_usual_ctrl_c():
    child = subprocess.run([sys.executable, "-c", ASKED], capture_output=True, text=True, check=True, timeout=60)
    assert child.stdout == "True\n"


@pytest.mark.parametrize("processes", [(), ("-n", "1")])
def test_so_has_one_of_a_pytest_that_was_started_where_ctrl_c_is_ignored(processes):
    test = f"{__file__}::{test_a_child_has_the_usual_ctrl_c.__name__}"
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *processes, test]
    answer = subprocess.run(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *command],  # as `make test &` in a script
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )
    assert answer.returncode == 0, answer.stdout
    assert "1 passed" in answer.stdout


# its test waits in a fixture that says when it begins and when it is torn down
WAITING = """
import threading
from pathlib import Path
import pytest

@pytest.fixture
def said():
    Path("begun").touch()
    yield
    Path("torn down").touch()

def test_it_waits(said):
    for _ in range(600):
        threading.Event().wait(0.1)
"""


@pytest.mark.parametrize("processes", [(), ("-n", "1")])
def test_sigterm_tears_down_what_fixtures_made(tmp_path, processes):
    (tmp_path / "made_up").mkdir()
    (tmp_path / "made_up" / "test_waiting.py").write_text(WAITING)
    # a folder of its own would not have our conftest
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        *processes,
        "made_up/test_waiting.py",
    ]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(PYTHONPATH=str(ROOT)), start_new_session=True, stdout=subprocess.PIPE
    ) as tests:
        try:
            wait_until("the test", lambda: Ready(None) if (tmp_path / "begun").exists() else "it isn't there", 60)
            os.killpg(tests.pid, signal.SIGTERM)
            output, _ = tests.communicate(timeout=60)
        finally:
            tests.kill()
    assert tests.returncode == 2, output.decode()
    assert (tmp_path / "torn down").exists()


def test_a_run_does_not_outlive_the_test_that_started_it(tmp_path):
    parent = (
        "import subprocess, sys, time; from tools.suite_run import WITH_PARENT\n"
        "child = subprocess.Popen([*WITH_PARENT, 'sleep', '300']); print(child.pid, flush=True)\n"
        "time.sleep(300)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], cwd=ROOT, stdout=subprocess.PIPE, text=True) as test:
        assert test.stdout
        try:
            child = psutil.Process(int(test.stdout.readline()))
            wait_until("the command", lambda: Ready(None) if child.name() == "sleep" else child.name(), 30)
        finally:
            test.kill()
    gone, _ = psutil.wait_procs([child], 30)
    assert gone == [child]


def wait_in_vain(begun=None):
    """Wait for what never comes; sets the event, if any, as soon as it waits."""
    if begun:
        begun.set()
    for _ in range(600):  # short waits: a signal just before one is seen only after it
        assert not threading.Event().wait(0.1)


def fail():
    raise ValueError("no such process")


def test_a_fault_beside_the_test_cuts_its_wait_short_and_is_what_it_fails_with():
    with pytest.raises(ValueError, match="no such process"), beside(fail):
        wait_in_vain()


def test_a_fault_beside_the_test_counts_where_the_test_took_its_interrupt_for_another():
    begun = threading.Event()

    def fail_then():
        assert begun.wait(60)
        fail()

    with pytest.raises(ValueError, match="no such process"), beside(fail_then), pytest.raises(KeyboardInterrupt):
        wait_in_vain(begun)


def test_what_goes_well_beside_the_test_interrupts_nothing():
    done = threading.Event()
    with beside(done.set):
        assert done.wait(60)


def test_ctrl_c_from_beside_the_test_reaches_it():
    begun = threading.Event()

    def interrupt():
        assert begun.wait(60)
        os.kill(os.getpid(), signal.SIGINT)

    with beside(interrupt), pytest.raises(KeyboardInterrupt):
        wait_in_vain(begun)
