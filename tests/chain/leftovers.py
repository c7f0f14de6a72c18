"""What a run left behind: processes that name its folder, and run directories."""

import contextlib
import re
from pathlib import Path

import psutil

from acceptance.errors import WaitTimeout
from acceptance.waiting import Ready, wait_until

CLEAN_SECONDS = 60
REGION_SECONDS = 5
REGIONS = "shm-region-prefix-name"  # the option of Triton that names them


def processes_of(folder: Path | str) -> dict[psutil.Process, str]:
    """Return the processes whose command line or TMPDIR holds the folder's name, with their command lines."""
    found = {}
    for process in psutil.process_iter():
        try:
            command, environment = process.cmdline(), process.environ()
            ended = process.status() == psutil.STATUS_ZOMBIE
        except psutil.Error:  # it ended while it was looked at
            continue
        if not ended and any(str(folder) in text for text in [*command, environment.get("TMPDIR", "")]):
            found[process] = " ".join(command)
    return found


def leftovers(folder: Path) -> list[str]:
    """Return what a run with TMPDIR=<folder>/tmp left; the report and pytest's own files don't count."""
    running = [f"{process.pid} {command[:200]}" for process, command in processes_of(folder).items()]
    return running + [str(path) for path in (folder / "tmp").iterdir()] + shared_memory_left()


def shared_memory_left() -> list[str]:
    """Return the shared memory of Tritons that no longer run.

    A run beside this test has a moment for its own: it removes it once its server has ended.
    """
    found: list[str] = []

    def state() -> Ready[None] | str:
        nonlocal found
        running = " ".join(processes_of(REGIONS).values())
        regions = [path.name for path in Path("/dev/shm").glob("triton-acceptance-*")]  # noqa: S108
        prefixes = re.findall(rf"{REGIONS}=(\S+)", running)
        found = [region for region in regions if not region.startswith(tuple(prefixes))]
        return str(found) if found else Ready(None)

    with contextlib.suppress(WaitTimeout):
        wait_until("shared memory without a server to go", state, REGION_SECONDS)
    return found


def wait_clean(folder: Path, seconds: float = CLEAN_SECONDS) -> None:
    """Wait until nothing is left; the guardian takes some seconds, and on a cluster as long as a namespace does."""

    def state() -> Ready[None] | str:
        found = leftovers(folder)
        return str(found) if found else Ready(None)

    wait_until("nothing to be left", state, seconds)
