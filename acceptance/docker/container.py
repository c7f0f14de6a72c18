"""One container of a run: whether it lives, what it said, where it is reached, and its files."""

import contextlib
import signal
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from acceptance.docker.files import pack, unpack_file
from acceptance.errors import AcceptanceError, ProcessDied
from acceptance.files import write_whole
from acceptance.processes.deaths import death
from acceptance.redaction.redactor import Redactor


@contextlib.contextmanager
def docker_errors(doing: str) -> Iterator[None]:
    """Turn the Docker SDK's errors into an AcceptanceError that says what was being done."""
    from docker.errors import APIError, DockerException
    from requests import RequestException

    try:
        yield
    except APIError as error:
        raise AcceptanceError(f"Docker, {doing}: {error.explanation or error}") from error
    except (DockerException, RequestException) as error:
        raise AcceptanceError(f"Docker, {doing}: {error}; see whether the daemon still runs") from error


class Container:
    """A container that was created, its name for people and the log that its output is copied to, redacted.

    `host` is where its published ports are reached. Methods raise AcceptanceError where Docker refuses.
    """

    def __init__(self, name: str, container: Any, host: str, log: Path, redactor: Redactor) -> None:
        self.name, self.container, self.host, self.log, self.redactor = name, container, host, log, redactor

    def state(self) -> dict:
        """Return Docker's state of it: `Status`, `ExitCode`, `OOMKilled`, ..."""
        from docker.errors import NotFound

        try:
            with docker_errors(f"asking for {self.name}"):
                self.container.reload()
        except AcceptanceError as error:
            if isinstance(error.__cause__, NotFound):
                raise ProcessDied(f"{self.name}: its container was removed; the last of it is in {self.log}") from None
            raise
        return self.container.attrs["State"]

    def exit_code(self) -> int | None:
        """Return the exit code, or None while it hasn't ended."""
        state = self.state()
        return state["ExitCode"] if state["Status"] in ("exited", "dead") else None

    def check_alive(self) -> None:
        """Raise ProcessDied with the log's last error and its last lines when the container has ended."""
        code = self.exit_code()
        if code is None:
            return
        self.save_log()
        memory = ", out of memory" if self.container.attrs["State"].get("OOMKilled") else ""
        # Docker gives 128 and the signal's number for one that was killed
        code = 128 - code if code - 128 in list(signal.Signals) else code
        raise ProcessDied(death(self.name, code, self.log, memory))

    def start(self) -> None:
        with docker_errors(f"starting {self.name}"):
            self.container.start()

    def remove(self) -> None:
        """Save the log and remove the container, whatever it does."""
        with contextlib.suppress(AcceptanceError):
            self.save_log()
        # gone, or going: what is left in the end is found by its label
        with contextlib.suppress(AcceptanceError), docker_errors(f"removing {self.name}"):
            self.container.remove(force=True, v=True)

    # --- what it said

    def save_log(self) -> None:
        """Copy all that it has said to the log."""
        with docker_errors(f"reading the log of {self.name}"):
            write_whole(self.log, self.redactor.data(self.container.logs()))

    def read_log(self) -> str:
        """Return all that it has said, without secrets."""
        self.save_log()
        return self.log.read_text(errors="replace", encoding="utf-8")

    # --- where it is reached

    def address(self, port: int) -> str:
        """Return `host:port` of a published port."""
        self.check_alive()
        bindings = self.container.ports.get(f"{port}/tcp")
        if not bindings:
            raise AcceptanceError(f"{self.name}: Docker published no port for its port {port}: {self.container.ports}")
        return f"{self.host}:{bindings[0]['HostPort']}"

    # --- its files

    def put(self, folders: Mapping[str, Path]) -> None:
        """Copy folders into it: paths of the container, and the folders here."""
        with tempfile.TemporaryFile() as archive:
            pack(folders, archive)
            with docker_errors(f"copying {', '.join(folders)} into {self.name}"):
                self.container.put_archive("/", archive)

    def fetch(self, path: str, target: Path) -> None:
        """Copy one file out of it."""
        with docker_errors(f"copying {path} out of {self.name}"):
            pieces, _ = self.container.get_archive(path)
            unpack_file(pieces, target)
