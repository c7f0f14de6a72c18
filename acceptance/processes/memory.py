"""How much memory processes can still have: of the machine, and of the control groups that this process is in."""

from collections.abc import Iterator
from pathlib import Path

from acceptance.errors import Problem

GROUPS = Path("/sys/fs/cgroup")
# of version 2 and of version 1: the limit, what is taken, and what of it is a cache that would give way
FILES = (
    ("memory.max", "memory.current", "inactive_file"),
    ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def no_memory(needed: int, proc: Path = Path("/proc"), groups: Path = GROUPS) -> Problem | None:
    """Say that the machine, or a container's limit, leaves less than `needed` bytes."""
    places = {"this machine": available(proc), **dict(headrooms(proc, groups))}
    place, free = min(places.items(), key=lambda one: one[1])
    if free >= needed:
        return None
    return Problem(
        f"{place}: {free / 2**30:.1f} GiB of memory free; a run needs {needed / 2**30:.1f} GiB",
        "end other processes"
        if place == "this machine"
        else "raise this limit, as by `--memory` of a container, a pod's limits, or a service's MemoryMax",
    )


def available(proc: Path) -> int:
    """Return the bytes that the machine can give without swapping, as the kernel estimates it."""
    lines = (proc / "meminfo").read_text(encoding="utf-8").splitlines()
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("MemAvailable:")), 1 << 62)


def headrooms(proc: Path, groups: Path) -> Iterator[tuple[str, int]]:
    """Return each control group with a limit that this process is in, by its folder, and the bytes left of it."""
    try:
        memberships = (proc / "self" / "cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:
        return
    for membership in memberships:
        _, controllers, path = membership.split(":", 2)
        if "memory" in controllers.split(","):
            yield from along(groups / "memory", path)
        elif not controllers:
            yield from along(groups, path)


def along(top: Path, path: str) -> Iterator[tuple[str, int]]:
    """Return what is left in a group and in those that it is part of; a container sees its own as the top."""
    folder = top / path.strip("/")
    for group in (folder, *(parent for parent in folder.parents if parent.is_relative_to(top))):
        for limit, taken, cache in FILES:
            try:
                most = int((group / limit).read_text(encoding="utf-8"))
                stat = dict(line.split() for line in (group / "memory.stat").read_text(encoding="utf-8").splitlines())
                used = int((group / taken).read_text(encoding="utf-8")) - int(stat.get(cache, 0))
            except (OSError, ValueError):  # `max`, or no such file here
                continue
            yield str(group), most - used
