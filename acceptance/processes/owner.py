"""Whose something outside this machine is, such as a namespace: by this it is known whether its run still goes on."""

import os
import platform
from pathlib import Path

from acceptance.environment import user_name


def owner() -> str:
    """Return `user@host pid start` of this process."""
    return f"{user_name()}@{platform.node()} {os.getpid()} {started(os.getpid())}"


def is_here(text: str) -> bool:
    """Say whether the owner is, or was, a process of this machine."""
    return text.partition(" ")[0].partition("@")[2] == platform.node()


def process_of(text: str) -> str:
    """Return the owner's process id where it is a process of this machine that still runs, else ""."""
    _, pid, start = [*text.split(" "), "", ""][:3]
    return pid if is_here(text) and pid.isdecimal() and started(int(pid)) == start else ""


def started(pid: int) -> str:
    """Return when a process of this machine was started, in the kernel's ticks, or "": ids are used again."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
