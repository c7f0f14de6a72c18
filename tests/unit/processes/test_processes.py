"""Processes: stopped with their children, reported when they die, ended by the guardian when pytest is killed."""

import contextlib
import os
import signal
import subprocess
import sys

import psutil
import pytest

from acceptance.errors import ProcessDied
from acceptance.processes.local import Processes
from acceptance.processes.logs import last_lines, last_matching
from acceptance.redaction.redactor import Redactor
from acceptance.waiting import Ready, wait_until
from tests.small_disk import small_disk

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
PARENT = [
    sys.executable,
    "-c",
    "import subprocess, sys, time; "
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)']); "
    "print(child.pid, flush=True); time.sleep(600)",
]


@pytest.fixture
def folders(tmp_path):
    """A run's own directory, and its folder of logs."""
    for name in ("run", "logs"):
        (tmp_path / name).mkdir()
    return tmp_path / "run", tmp_path / "logs"


@pytest.fixture
def processes(folders):
    group = Processes(*folders)
    yield group
    group.close()


def runs(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def wait_gone(pid: int) -> None:
    wait_until(f"process {pid} to end", lambda: "it runs" if runs(pid) else Ready(None), 15)


def first_line(log) -> str:
    return wait_until("a line", lambda: Ready(log.read_text().strip()) if log.read_text().strip() else "none", 15)


def test_stopping_ends_the_children_as_well(processes):
    with processes.running("parent", PARENT) as parent:
        child = int(first_line(parent.log))
        assert psutil.pid_exists(child)
    wait_gone(child)


def test_one_that_ignores_sigterm_is_killed(folders):
    run, logs = folders
    processes = Processes(run, logs, stop_seconds=0.5)
    stubborn = [
        sys.executable,
        "-c",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
    ]
    with contextlib.closing(processes), processes.running("stubborn", stubborn) as process:
        first_line(process.log)
    assert process.popen.returncode == -signal.SIGKILL


def test_a_death_is_named_with_the_last_lines_of_its_log(processes):
    program = [sys.executable, "-c", "print('out of cheese'); raise SystemExit(3)"]
    with processes.running("mouse", program) as process:
        process.popen.wait(60)
        with pytest.raises(ProcessDied) as caught:
            processes.check_alive()
    assert "mouse exited with 3" in str(caught.value)
    assert "out of cheese" in str(caught.value)


def test_a_kill_is_named_as_one(processes):
    with processes.running("victim", SLEEP) as process:
        process.popen.kill()
        process.popen.wait(60)
        with pytest.raises(ProcessDied, match="victim was killed by SIGKILL"):
            process.check_alive()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_while_a_process_starts_does_not_lose_it(folders, number):
    class InterruptedPopen(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            signal.raise_signal(number)

    def handler(number, frame):
        raise KeyboardInterrupt

    run, logs = folders
    processes = Processes(run, logs, popen=InterruptedPopen)
    before = signal.signal(number, handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            processes.start("sleep", SLEEP)
    finally:
        signal.signal(number, before)
    (process,) = processes.started
    processes.close()
    assert process.popen.returncode == -signal.SIGTERM


def test_nothing_begins_where_pytest_is_killed_before_the_guardian_knows_of_it(tmp_path):
    owner = (
        "import os, signal, subprocess, sys\n"
        "from pathlib import Path\n"
        "from acceptance.processes.local import Processes\n"
        "class Last(subprocess.Popen):\n"
        "    def __init__(self, *arguments, **options):\n"
        "        super().__init__(*arguments, **options)\n"
        "        print(self.pid, flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "run = Path(sys.argv[1])\n"
        "group = Processes(run / 'run', run, popen=Last)\n"
        "group.start('mark', ['sh', '-c', f'touch {run}/begun; exec sleep 600'])"
    )
    (tmp_path / "run").mkdir()
    killed = subprocess.run(
        [sys.executable, "-c", owner, tmp_path], stdout=subprocess.PIPE, text=True, check=False, timeout=30
    )
    assert killed.returncode == -signal.SIGKILL
    wait_gone(int(killed.stdout))
    assert not (tmp_path / "begun").exists()


def test_the_guardian_ends_everything_when_its_owner_is_killed(tmp_path):
    owner = (
        "import sys, time; from pathlib import Path; from acceptance.processes.local import Processes\n"
        "run = Path(sys.argv[1])\n"
        "group = Processes(run / 'run', run)\n"
        "print(group.start('sleep', [sys.executable, '-c', 'import time; time.sleep(600)']).popen.pid, flush=True)\n"
        "time.sleep(600)"
    )
    (tmp_path / "run").mkdir()
    popen = subprocess.Popen([sys.executable, "-c", owner, tmp_path], stdout=subprocess.PIPE, text=True)
    assert popen.stdout is not None
    pid = int(popen.stdout.readline())
    popen.stdout.close()
    os.kill(popen.pid, signal.SIGKILL)
    popen.wait(60)
    wait_gone(pid)
    wait_until(
        "the run directory to go",
        lambda: "it is there" if (tmp_path / "run").exists() else Ready(None),
        15,
    )


def test_the_guardian_runs_what_is_to_be_done_afterwards(tmp_path):
    (tmp_path / "run").mkdir()
    group = Processes(tmp_path / "run", tmp_path)
    group.afterwards([sys.executable, "-c", f"open({str(tmp_path / 'done')!r}, 'w')"], fix="do it")
    assert not (tmp_path / "done").exists()
    group.close()
    assert (tmp_path / "done").exists()


def test_what_is_done_afterwards_has_the_environment_that_it_was_given(tmp_path):
    (tmp_path / "run").mkdir()
    group = Processes(tmp_path / "run", tmp_path)
    group.afterwards(["sh", "-c", f"echo $MY_LOGIN > {tmp_path}/mine"], "do it", {**os.environ, "MY_LOGIN": "me"})
    group.afterwards(["sh", "-c", f"echo $MY_LOGIN$HOME > {tmp_path}/theirs"], "do it")
    group.close()
    assert (tmp_path / "mine").read_text() == "me\n"
    assert (tmp_path / "theirs").read_text() == f"{os.environ['HOME']}\n"


@pytest.mark.parametrize(
    ("command", "how"),
    [
        (["sh", "-c", "echo out of cheese >&2; exit 3"], ["ended with 3", "out of cheese"]),
        (["/nowhere/cleanup"], ["/nowhere/cleanup", "No such file"]),
    ],
)
def test_what_could_not_be_cleaned_up_is_said_with_the_fix(tmp_path, command, how):
    (tmp_path / "run").mkdir()
    with (tmp_path / "terminal").open("w") as terminal:
        group = Processes(tmp_path / "run", tmp_path, stderr=terminal.fileno())
        group.afterwards(command, fix="delete it by hand")
        group.afterwards(["touch", str(tmp_path / "done")], fix="touch it")
        group.close()
    for place in ("terminal", "guardian.log"):
        said = (tmp_path / place).read_text()
        assert [words for words in (*how, "delete it by hand") if words not in said] == []
        assert "touch it" not in said
    assert (tmp_path / "done").exists()


def test_a_run_directory_that_can_not_be_removed_is_said_with_the_fix(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    group = Processes(run, tmp_path)
    with small_disk(run / "disk", "1m"):
        group.close()
        assert f"{run} could not be removed; `rm -rf` it" in (tmp_path / "guardian.log").read_text()


def test_what_a_cleanup_said_of_a_secret_is_redacted_in_the_guardians_log(tmp_path):
    (tmp_path / "run").mkdir()
    secret = "plain" + "words" * 3
    group = Processes(tmp_path / "run", tmp_path, Redactor([secret]))
    group.afterwards(["sh", "-c", f"echo it is {secret}; exit 1"], fix="do it")
    group.close()
    assert "it is [redacted]" in (tmp_path / "guardian.log").read_text()


def test_keep_leaves_the_process_and_the_directory(tmp_path):
    (tmp_path / "run").mkdir()
    group = Processes(tmp_path / "run", tmp_path)
    process = group.start("kept", SLEEP)
    group.afterwards(["rm", "-r", str(tmp_path / "run")], fix="leave it")
    group.close(keep=True)  # and the guardian, whose end it waits for
    try:
        assert group.guardian.returncode == 0
        assert process.popen.poll() is None
        assert (tmp_path / "run").exists()
    finally:
        process.stop()


def test_the_end_of_a_log_leaves_tables_and_long_lines_out(tmp_path):
    log = tmp_path / "log"
    log.write_text("first\n| option | value |\n+---+\n" + "x" * 2000 + "\nlast\n")
    text = last_lines(log, 2)
    assert "option" not in text
    assert text.endswith("last")
    assert len(text) < 600
    assert last_lines(tmp_path / "none") == "    (no output)"


def test_progress_is_the_last_line_with_the_prefix(tmp_path):
    log = tmp_path / "log"
    assert last_matching(log, "epoch ") == ""
    log.write_text("epoch 1/2: one\nepoch 2/2: two\nother\n")
    assert last_matching(log, "epoch ") == "epoch 2/2: two"
