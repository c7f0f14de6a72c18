"""Programs that hang, say what is no text, or can't be run: each is a result, and none of its children is left."""

import os
import sys
import time
from pathlib import Path

from acceptance.commands import NOT_FOUND, TIMED_OUT, run_command, run_program
from acceptance.waiting import Ready, wait_until


def test_a_program_that_hangs_ends_with_its_children_and_keeps_what_it_said(tmp_path):
    child = tmp_path / "child"
    script = f"echo I wait for the token server >&2; sleep 60 & echo $! > {child}; wait"
    began = time.monotonic()
    ended = run_program(["sh", "-c", script], 3)
    assert time.monotonic() - began < 10
    assert ended.code == TIMED_OUT
    for fact in ("sh", "3 s", "I wait for the token server"):
        assert fact in ended.stderr
    wait_until("the child to be gone", lambda: Ready(None) if is_gone(int(child.read_text())) else "it runs", 5)


def is_gone(pid):
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


def test_what_is_no_text_is_a_result():
    answer = run_command([sys.executable, "-c", r"import os; os.write(1, b'\xff\xfe {')"], 20)
    assert (answer.code, answer.output) == (0, "�� {")
    assert answer.json() is None


def test_a_program_that_is_none_is_a_result(tmp_path):
    program = tmp_path / "docker"
    program.write_bytes(b"\0")
    program.chmod(0o755)
    assert run_command([str(program)], 5).output == f"{program} can't be run: Exec format error"
    program.chmod(0o644)
    answer = run_command([str(program)], 5)
    assert (answer.code, "Permission denied" in answer.output) == (NOT_FOUND, True)


def test_no_program_waits_for_input():
    assert run_program(["cat"], 5).code == 0
