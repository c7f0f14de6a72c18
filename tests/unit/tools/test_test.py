"""How the tests are run, both halves and again and again, with a made-up pytest on a bare copy."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys

import psutil
import pytest

from acceptance.paths import ROOT
from acceptance.waiting import Ready, wait_until

# notes its options, and ends as `codes` says for its half; `hook` is what it does before
PYTEST = """#!/bin/sh
case $* in *"not alone and"*) half=side ;; *) half=alone ;; esac
echo "$half $*" >>calls
{hook}
exit "$(sed -n "s/^$half //p" codes)"
"""


@pytest.fixture
def tree(tmp_path):
    """A bare copy with the scripts, this Python, and the made-up pytest."""
    (tmp_path / "tools").mkdir()
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for name in ("test", "soak", "interruptible.sh"):
        shutil.copy(ROOT / "tools" / name, tmp_path / "tools")
    python = tmp_path / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return tmp_path


@pytest.fixture
def run(tree):
    """Run a script with the exit codes of both halves; return its exit code, its output and pytest's calls."""

    def run(script, *options, side=0, alone=0, hook="", **variables):
        made_up(tree, side, alone, hook)
        answer = subprocess.run(
            [tree / "tools" / script, *options],
            env={"PATH": os.environ["PATH"], **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=60,
        )
        return answer.returncode, answer.stdout, (tree / "calls").read_text().splitlines()

    return run


def made_up(tree, side=0, alone=0, hook=""):
    (tree / "codes").write_text(f"side {side}\nalone {alone}\n")
    program = tree / ".venv" / "bin" / "pytest"
    program.write_text(PYTEST.format(hook=hook))
    program.chmod(0o755)


# --- both halves


def test_both_halves_run_with_the_options_and_without_what_takes_half_an_hour(run):
    code, _, (side, alone) = run("test", "-k", "word")
    assert code == 0
    for call in (side, alone):
        assert call.endswith("-k word")
        assert "not sabotage and not hostile" in call
    assert side.startswith("side") and "-n 4 --dist loadscope" in side
    assert alone.startswith("alone") and "-n " not in alone


@pytest.mark.parametrize(
    ("side", "alone", "code"), [(1, 0, 1), (0, 1, 1), (3, 1, 3), (2, 0, 2), (0, 4, 4), (5, 0, 5), (0, 5, 5)]
)
def test_the_second_half_runs_also_when_the_first_failed_and_the_first_failure_counts(run, side, alone, code):
    found, _, calls = run("test", side=side, alone=alone)
    assert found == code
    assert [call.split()[0] for call in calls] == ["side", "alone"]


@pytest.mark.parametrize(("side", "alone", "code"), [(5, 0, 0), (0, 5, 0), (5, 1, 1), (1, 5, 1), (5, 5, 5), (1, 2, 1)])
def test_options_may_choose_tests_of_one_half_alone(run, side, alone, code):
    assert run("test", "-k", "word", side=side, alone=alone)[0] == code


def test_ctrl_c_ends_both_halves(tree):
    made_up(tree, hook="kill -INT $PPID; kill -INT $$")  # the terminal sends it to all
    answer = subprocess.run([tree / "tools" / "test"], env={"PATH": os.environ["PATH"]}, check=False, timeout=60)
    assert answer.returncode in (130, -signal.SIGINT)
    assert [line.split()[0] for line in (tree / "calls").read_text().splitlines()] == ["side"]


# --- again and again


def test_the_rounds_are_counted_with_the_options_passed_on(run):
    code, output, calls = run("soak", "-k", "word", ROUNDS="3", BUSY="2")
    assert code == 0
    assert len(calls) == 2 * 5
    assert {call.rpartition(" -k ")[2] for call in calls} == {"word"}
    assert "round 3 of 3\n" in output and "round 2 of 2 with busy cores" in output


def test_without_a_number_it_is_ten_rounds_and_five(run):
    _, output, calls = run("soak")
    assert len(calls) == 2 * 15
    assert "round 10 of 10\n" in output and "round 5 of 5 with busy cores" in output


def test_it_stops_at_the_first_failure_and_says_which_round_it_was(run):
    third = 'test "$(wc -l <calls)" -lt 5 || exit 1'  # the third round's first half, and what comes after
    code, output, calls = run("soak", hook=third, ROUNDS="4", BUSY="1")
    assert code == 1
    assert "round 3 of 4 failed with exit code 1" in output
    assert len(calls) == 2 * 3


def busy_processes(folder):
    """Return the processes that were started from a folder's tree to keep cores busy."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.cwd() == str(folder) and "getppid" in " ".join(process.cmdline()):
                found.append(process)
        except psutil.Error:  # it ended while it was looked at
            continue
    return found


def in_busy_round(tree):
    return Ready(None) if (tree / "calls").exists() and len(busy_processes(tree)) == 2 else "not yet"


def end_of(tree):
    return Ready(None) if not busy_processes(tree) else str(busy_processes(tree))


@pytest.mark.parametrize("number", [0, signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_two_processes_are_busy_in_the_last_rounds_and_end_when_one_fails_or_is_cut_off(tree, number):
    made_up(tree, hook="exec sleep 60")
    soak = subprocess.Popen([tree / "tools" / "soak"], env={"PATH": os.environ["PATH"], "ROUNDS": "0"})
    try:
        wait_until("a round with two to be busy", lambda: in_busy_round(tree), 30)
        round_ = [process for process in psutil.Process(soak.pid).children() if process not in busy_processes(tree)]
        soak.send_signal(number)  # 0 is none
        for process in round_:
            with contextlib.suppress(psutil.NoSuchProcess):  # the signal ended it as well
                process.kill()
        assert soak.wait(30) != 0
        wait_until("the busy processes to end", lambda: end_of(tree), 30)
    finally:
        soak.kill()
        soak.wait()
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.cwd() == str(tree):
                    process.kill()
