"""Programs that are asked something and end by themselves."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from acceptance.environment import Kind, environment_of

# what a shell says of a program that isn't there, and `timeout` of one that took too long
NOT_FOUND, TIMED_OUT = 127, 124
KILLED_SECONDS = 1


@dataclass(frozen=True)
class CommandResult:
    """A command that ran to its end: its exit code, and stdout and stderr together."""

    code: int
    output: str

    def json(self) -> Any:
        """Return the output as JSON, None where it is none."""
        try:
            return json.loads(self.output)
        except ValueError:
            return None


@dataclass(frozen=True)
class Ended:
    """A program's exit code and what it said; of one that took too long, what it had said by then."""

    code: int
    stdout: str
    stderr: str


def run_program(
    command: Sequence[str],
    seconds: float,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Ended:
    """Run a program that gets no input to its end; a missing one and one that hangs, with its children, are results."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=directory,
            start_new_session=True,  # its children end with it: they hold its output open
        )
    except FileNotFoundError:
        return Ended(NOT_FOUND, "", f"{command[0]} is not on the PATH")
    except OSError as error:
        return Ended(NOT_FOUND, "", f"{command[0]} can't be run: {error.strerror}")
    try:
        stdout, stderr = process.communicate(timeout=seconds)
        return Ended(process.returncode, text(stdout), text(stderr))
    except BaseException as error:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
    stdout, stderr = output_before_the_kill(process)
    late = f"{command[0]} gave no answer in {seconds:.0f} s"
    return Ended(TIMED_OUT, text(stdout), f"{late}; so far it said: {text(stderr)}" if stderr else late)


def output_before_the_kill(process: subprocess.Popen) -> tuple[bytes, bytes]:
    """Return stdout and stderr; one that hangs in a driver can't even be killed, and is left."""
    try:
        return process.communicate(timeout=KILLED_SECONDS)
    except subprocess.TimeoutExpired as error:
        return error.stdout or b"", error.stderr or b""


def text(output: bytes) -> str:
    return output.decode(errors="replace")


def run_command(command: Sequence[str], seconds: float) -> CommandResult:
    """Run one of the user's own programs to its end; a missing program and one that hangs are results as well.

    The output of a success is stdout alone: what a program warns of on stderr is no part of its answer.
    """
    ended = run_program(command, seconds, environment_of(Kind.USERS))
    return CommandResult(ended.code, ended.stdout if ended.code == 0 else ended.stdout + ended.stderr)
