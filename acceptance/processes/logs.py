"""The ends of log files, for errors and progress."""

from pathlib import Path

from acceptance.redaction.redactor import Redactor

LONGEST_LINE = 500
# as much of a log's end as a line of progress can be away from it
TAIL_BYTES = 20_000


def last_lines(log: Path, count: int = 15, redactor: Redactor | None = None) -> str:
    """Return the end of a log, indented for an error message; Triton's tables of its options are left out.

    `redactor`: for the log of what still runs, which is redacted at its end.
    """
    text = log.read_text(errors="replace", encoding="utf-8") if log.exists() else ""
    lines = (redactor.text(text) if redactor else text).splitlines()
    told = [line for line in lines if line.strip() and line[0] not in "|+"]
    return "\n".join(f"    {line[:LONGEST_LINE]}" for line in told[-count:]) or "    (no output)"


def last_matching(log: Path, prefix: str) -> str:
    """Return the last line of a log that starts with the prefix, or ""."""
    tail = log.read_bytes()[-TAIL_BYTES:].decode(errors="replace") if log.exists() else ""
    return next((line for line in reversed(tail.splitlines()) if line.startswith(prefix)), "")
