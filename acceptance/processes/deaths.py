"""How something ended, with the line of its log that says why."""

import re
import signal
from collections.abc import Sequence
from pathlib import Path

from acceptance.errors import Problem, shortened
from acceptance.processes.logs import indented, read, without_tables
from acceptance.redaction.plain import plain
from acceptance.redaction.redactor import Redactor

LINES = 15
# who ends a process from outside asks no log
FROM_OUTSIDE = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# Triton's and TensorFlow's: level, date, time, thread and place stand before the words
GLOG = re.compile(r"(?:\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: )?([IWEF])(?:\d{4} [\d:.]+ +\d+)? [^\s:]+:\d+\] ")
# Python's logging, gunicorn's, logrus': a time where there is one, a level, a logger
LEVEL = re.compile(
    r"(?:\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d\S*\s+(?:[+-]\d{4}\]\s*)?(?:\[\d+\]\s+)?)?"
    r"\[?(INFO|WARNING|WARN|DEBUG|ERROR|ERRO|CRITICAL|FATAL|FATA|PANIC)\b(?:\[\d+\])?[\]:]?\s+(?:[\w.]+: )?"
)
HARMLESS = ("INFO", "WARNING", "WARN", "DEBUG", "I", "W")
# programs that begin a line with it
WORDS = re.compile(r"(?:[\w./-]+: )*(?:fatal |runtime )?(?:error|panic|fatal)\b[^:]*:", re.IGNORECASE)
TRACEBACK = "Traceback (most recent call last):"
EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(?:: .*)?$")
# what TensorFlow and Triton say as they start where all is well, without a GPU too
START_UP = re.compile(
    r"oneDNN custom operations|Unable to register cu\w+ factory|computation.placer already registered"
    r"|This TensorFlow binary is optimized|To enable the following instructions|All log messages before absl"
    r"|Could not find cuda drivers|failed call to cuInit|CUDA_ERROR_NO_DEVICE|cuda_diagnostics|TF-TRT Warning"
    r"|Failed to initialize NVML|DCGM unable to start"
)
# what only says that something else has failed
EMPTY = re.compile(r"=== Run \(ID .*\) failed ===|failed to load all models|returned non-zero exit status")


def describe_exit(code: int) -> str:
    """Say how a process ended in words: `exited with 1`, `was killed by SIGKILL`."""
    return f"exited with {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"


def death(name: str, code: int, log: Path, more: str = "", redactor: Redactor | None = None) -> Problem:
    """Return how something ended, by its exit code or the negative number of a signal, with its own last error.

    `more` follows how it ended; below is the end of the log.
    """
    lines = error_lines(read(log, redactor))
    error = "" if -code in FROM_OUTSIDE else cause(lines)
    what = f"{name} {describe_exit(code)}{more}"
    return Problem(f"{what}: {error}" if error else what, detail=f"the end of {log}:\n{indented(lines[-LINES:])}")


def error_lines(log: str) -> list[str]:
    """Return the lines of a log that may say why its program failed: none of a healthy start-up, no tables."""
    return [line for line in without_tables(plain(log)) if not START_UP.search(line)]


def cause(lines: Sequence[str]) -> str:
    """Return the line of a log that says best why its program failed: the last error, else its last words."""
    if error := last_error(lines):
        return error
    words = [line.strip() for line in lines if not GLOG.match(line) and not LEVEL.match(line)]
    return shortened(words[-1]) if words else ""


def last_error(lines: Sequence[str]) -> str:
    """Return the last of a log's lines that says what went wrong, without the time before it; "" where none does."""
    found = [words for number in range(len(lines)) if (words := error_words(lines, number))]
    worth = [words for words in found if not EMPTY.search(words)]
    return shortened(worth[-1]) if worth else ""


def error_words(lines: Sequence[str], number: int) -> str:
    """Return a line's words where it says what went wrong, or ""."""
    line = lines[number]
    if found := GLOG.match(line) or LEVEL.match(line):
        words, _, _ = line[found.end() :].partition(r"\n")  # so Triton writes the lines of one message
        return "" if found[1] in HARMLESS else words.strip(' "')
    return line.strip() if WORDS.match(line) or ends_traceback(lines, number) else ""


def ends_traceback(lines: Sequence[str], number: int) -> bool:
    """Say whether a line is the exception that a traceback ends with."""
    if not EXCEPTION.match(lines[number]):
        return False
    before = next((line for line in reversed(lines[:number]) if not line.startswith(" ")), "")
    return before.startswith(TRACEBACK)
