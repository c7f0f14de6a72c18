"""Files that another process may read, or that a killed run leaves behind: whole, or not there."""

import os
from pathlib import Path


def write_whole(path: Path, content: str | bytes, mode: int = 0o666) -> None:
    """Write a file whole or not at all: what was there before stays until the new one is complete.

    `mode`: its permissions, less the user's umask.
    """
    data = content if isinstance(content, bytes) else content.encode("utf-8", errors="replace")
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(data)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
