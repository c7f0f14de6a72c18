"""What a run left behind: processes that name its folder, and run directories."""

from pathlib import Path

import psutil

from acceptance.waiting import Ready, wait_until

CLEAN_SECONDS = 60


def processes_of(folder: Path) -> dict[psutil.Process, str]:
    """Return the processes whose command line or environment names the folder, with their command lines."""
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
    shared_memory = Path("/dev/shm").glob("triton-acceptance-*")  # noqa: S108
    return running + [str(path) for path in [*(folder / "tmp").iterdir(), *shared_memory]]


def wait_clean(folder: Path, seconds: float = CLEAN_SECONDS) -> None:
    """Wait until nothing is left; the guardian takes some seconds, and on a cluster as long as a namespace does."""

    def state() -> Ready[None] | str:
        found = leftovers(folder)
        return str(found) if found else Ready(None)

    wait_until("nothing to be left", state, seconds)
