"""What this machine is busy with, for a wait that took too long."""

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

LOOK_SECONDS = 0.5
# so many processes that want to run for each core, in the last minute, make it slow
BUSY = 1.5
# less memory than this, as a share, makes it slow as well
LITTLE_MEMORY = 0.05
NAMED = 3
# a process that uses less of a core is no reason
LEAST_PERCENT = 10.0

Using = tuple[str, float]
"""A process, and how much of one core it uses in percent."""


def busy() -> str:
    """Return what keeps this machine busy, "" where nothing does; it looks for half a second where it is."""
    import psutil

    load, cores = os.getloadavg()[0], len(os.sched_getaffinity(0))
    memory = psutil.virtual_memory()
    return describe(
        load, cores, processes() if load >= cores * BUSY else [], memory.available / memory.total if memory.total else 1
    )


def describe(load: float, cores: int, using: Sequence[Using], free_memory: float) -> str:
    """Return in words what the machine is busy with, "" where it isn't.

    `load`: the mean number of processes that want to run; `free_memory`: a share of the whole.
    """
    said = []
    if load >= cores * BUSY:
        most = sorted((one for one in using if one[1] >= LEAST_PERCENT), key=lambda one: -one[1])[:NAMED]
        named = ", ".join(f"{name} ({percent:.0f} % of a core)" for name, percent in most)
        said.append(f"{load:.1f} processes want its {cores} cores" + (f", most of all {named}" if named else ""))
    if free_memory < LITTLE_MEMORY:
        said.append(f"{free_memory:.0%} of its memory is free")
    return f"this machine is busy: {'; '.join(said)}" if said else ""


def processes() -> list[Using]:
    """Return every process by its name, with what it used within half a second."""
    import psutil

    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            process.cpu_percent()
            found.append(process)
    psutil.cpu_percent(LOOK_SECONDS)  # the one sleep: it measures
    using = []
    for process in found:
        with contextlib.suppress(psutil.Error):
            using.append((name_of(process.name(), process.cmdline()), process.cpu_percent()))
    return using


def name_of(name: str, command: Sequence[str]) -> str:
    """Return a process's name, with the script or the module that a Python runs; no other argument is anyone's."""
    if name.startswith("python"):
        for number, word in enumerate(command[1:], 1):
            if word.endswith(".py"):
                return f"{name} {Path(word).name}"
            if word == "-m" and number + 1 < len(command):
                return f"{name} -m {command[number + 1]}"
            if not word.startswith("-"):
                break
    return name
