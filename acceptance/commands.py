"""Programs that are asked something and end by themselves."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from acceptance.environment import Kind, environment_of

# what a shell says of a program that isn't there, and `timeout` of one that took too long
NOT_FOUND, TIMED_OUT = 127, 124


@dataclass(frozen=True)
class CommandResult:
    """A command that ran to its end: its exit code, and stdout and stderr together."""

    code: int
    output: str


def run_command(command: Sequence[str], seconds: float) -> CommandResult:
    """Run one of the user's own programs to its end; a missing program and one that hangs are results as well.

    The output of a success is stdout alone: what a program warns of on stderr is no part of its answer.
    """
    try:
        ended = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=environment_of(Kind.USERS),
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        return CommandResult(NOT_FOUND, f"{command[0]} is not on the PATH")
    except subprocess.TimeoutExpired:
        return CommandResult(TIMED_OUT, f"{command[0]} gave no answer in {seconds:.0f} s")
    return CommandResult(ended.returncode, ended.stdout if ended.returncode == 0 else ended.stdout + ended.stderr)
