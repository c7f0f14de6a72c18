"""The ends of log files, for errors and progress."""

from pathlib import Path

from acceptance.errors import shortened
from acceptance.redaction.plain import plain
from acceptance.redaction.redactor import Redactor

# as much of a log's end as a line of progress can be away from it
TAIL_BYTES = 20_000


def last_lines(log: Path, count: int = 15, redactor: Redactor | None = None) -> str:
    """Return the end of a log, indented for an error message; Triton's tables of its options are left out.

    `redactor`: for the log of what still runs, which is redacted at its end.
    """
    return indented(without_tables(read(log, redactor))[-count:])


def read(log: Path, redactor: Redactor | None = None) -> str:
    """Return a log's text, "" where there is none, with neither escapes nor control characters."""
    text = plain(log.read_text(errors="replace", encoding="utf-8")) if log.exists() else ""
    return redactor.text(text) if redactor else text


def without_tables(text: str) -> list[str]:
    """Return the lines that tell something: no empty ones, and no tables."""
    return [line for line in text.splitlines() if line.strip() and line[0] not in "|+"]


def indented(lines: list[str]) -> str:
    return "\n".join(f"    {shortened(line)}" for line in lines) or "    (no output)"


def last_matching(log: Path, prefix: str) -> str:
    """Return the last line of a log that starts with the prefix, or ""."""
    tail = log.read_bytes()[-TAIL_BYTES:].decode(errors="replace") if log.exists() else ""
    return next((line for line in reversed(tail.splitlines()) if line.startswith(prefix)), "")
