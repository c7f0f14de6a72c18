"""What the suite writes of processes, pods and containers has no secret in it; the secrets are put together here."""

import contextlib
import os
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from acceptance.docker.container import Container
from acceptance.errors import ProcessDied
from acceptance.images import read_images
from acceptance.paths import ROOT
from acceptance.processes.local import Processes
from acceptance.processes.logs import last_lines
from acceptance.redaction.patterns import MARK
from acceptance.redaction.redactor import Redactor
from acceptance.waiting import Ready, wait_until

OPAQUE = "Zx9" + "qLm4" * 9
KNOWN = "plain" + "words" * 3
SAYS = f"up\nusing {KNOWN}\ntoken={OPAQUE}\n"
CLEAN = f"up\nusing {MARK}\ntoken={MARK}\n"


@pytest.fixture
def redactor():
    return Redactor([KNOWN])


@pytest.fixture
def logs(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


@pytest.fixture
def processes(logs, redactor):
    group = Processes(logs.with_name("run"), logs, redactor)
    yield group
    group.close()


def saying(text: str, then: str = "exec sleep 600") -> list[str]:
    return ["sh", "-c", f"printf '%s' '{text}'; {then}"]


def wait_for(log, text):
    wait_until("the words", lambda: Ready(None) if log.exists() and text in log.read_text() else "not yet", 15)


# --- processes


def test_a_processs_log_is_clean_once_it_was_stopped(processes):
    with processes.running("talker", saying(SAYS)) as process:
        wait_for(process.log, OPAQUE)
        assert OPAQUE not in last_lines(process.log, redactor=processes.redactor)
    assert process.log.read_text() == CLEAN
    process.stop()
    assert process.log.read_text() == CLEAN


def test_the_words_of_one_that_died_have_no_secret(processes):
    with processes.running("talker", saying(SAYS, "exit 3")) as process:
        process.popen.wait(60)
        with pytest.raises(ProcessDied) as died:
            process.check_alive()
    assert KNOWN not in str(died.value)
    assert OPAQUE not in str(died.value)
    assert f"token={MARK}" in str(died.value)


def test_a_full_disk_does_not_keep_processes_alive(logs):
    class FullDisk(Redactor):
        def file(self, path):
            raise OSError("No space left on device")

    processes = Processes(logs.with_name("run"), logs, FullDisk())
    with contextlib.closing(processes), processes.running("talker", saying(SAYS)) as process:
        wait_for(process.log, OPAQUE)
    assert process.popen.returncode == -signal.SIGTERM
    assert processes.started == []


def test_a_process_inherits_proxies_and_no_secrets(processes, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", KNOWN)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", OPAQUE)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    with processes.running("env", ["env"], {"GIVEN_TOKEN": "needed"}) as process:
        process.popen.wait(60)
        inherited = process.log.read_text()
    assert "HF_TOKEN" not in inherited
    assert "AWS_SECRET_ACCESS_KEY" not in inherited
    assert "HTTPS_PROXY=http://proxy:3128\n" in inherited
    assert "GIVEN_TOKEN=needed\n" in inherited


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"PYTHONSAFEPATH": "1"},
        {"PYTHONWARNINGS": "error", "PYTHONIOENCODING": "ascii", "PYTHONPATH": "/nowhere", "PYTHONUTF8": "0"},
        {"HOME": "/nowhere", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONDONTWRITEBYTECODE": "1"},
    ],
    ids=lambda variables: "-".join(variables) or "none",
)
def test_the_guardian_redacts_the_logs_of_a_pytest_that_was_killed(logs, variables):
    owner = (
        f"import sys, time; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path; from acceptance.processes.local import Processes\n"
        "run = Path(sys.argv[1])\n"
        "group = Processes(run / 'run', run / 'logs')\n"
        "group.start('talker', sys.argv[2:])\n"
        "time.sleep(600)"
    )
    command = [sys.executable, "-c", owner, logs.parent, *saying(SAYS)]
    popen = subprocess.Popen(command, env={**os.environ, "MY_SECRET": KNOWN, **variables})
    wait_for(logs / "talker.log", OPAQUE)
    os.kill(popen.pid, signal.SIGKILL)
    popen.wait(60)
    wait_until("the guardian", lambda: "not yet" if (logs.parent / "run").exists() else Ready(None), 15)
    assert (logs / "talker.log").read_text() == CLEAN
    assert [path.name for path in logs.iterdir()] == ["talker.log"]


def test_logs_that_the_guardian_cannot_redact_are_named_on_the_terminal_and_in_a_log(logs, tmp_path):
    """A folder where a log's clean copy has no room in the path stands for a disk that takes none."""
    deep = logs
    while (room := os.pathconf("/", "PC_PATH_MAX") - 1 - len(bytes(deep)) - len("/a.log")) > 1:
        deep = deep / ("x" * min(room - 1, 200))
        deep.mkdir()
    (deep / "a.log").write_text(SAYS)
    with (tmp_path / "terminal").open("w") as terminal:
        Processes(logs.with_name("run"), logs, stderr=terminal.fileno()).close()
    for place in (tmp_path / "terminal", logs / "guardian.log"):
        said = place.read_text()
        assert f"the logs in {logs} may have secrets" in said
        assert str(deep / "a.log") in said
        assert OPAQUE not in said


# --- containers


def test_a_containers_log_is_clean_while_it_runs(logs, redactor):
    docker = SimpleNamespace(logs=lambda: SAYS.encode() + b"\xff")
    container = Container("talker", docker, "127.0.0.1", logs / "talker.log", redactor)
    assert f"token={MARK}\n" in container.read_log()
    assert container.log.read_bytes() == CLEAN.encode() + b"\xff"


def test_the_images_file_of_this_suite_has_nothing_to_hide(redactor):
    assert redactor.text(str(read_images(None))) == str(read_images(None))
