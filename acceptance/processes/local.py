"""Local processes that are always stopped: each leads a process group, and a guardian outlives pytest to end it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from acceptance.environment import Kind, environment_of
from acceptance.errors import ProcessDied
from acceptance.processes.deaths import death
from acceptance.processes.guardian import group_lives
from acceptance.redaction import redactor as redact
from acceptance.redaction.redactor import Redactor

GUARDIAN = Path(__file__).with_name("guardian.py")
RUN_MODULE = Path(__file__).with_name("run_module.py")
# no variable changes where this Python finds its modules, or how it reads text
ISOLATED = (sys.executable, "-I", "-X", "utf8")
STOP_SECONDS = 10
# the command begins once the guardian knows it, and never where pytest was killed before it could say so
BEGIN_WHEN_WATCHED = ("/bin/sh", "-c", 'read -r _ && exec "$@" </dev/null', "begin")


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Process:
    """A running process, its name for people and its log file, which is redacted once it has ended."""

    def __init__(
        self, name: str, popen: subprocess.Popen, log: Path, redactor: Redactor, stop_seconds: float = STOP_SECONDS
    ) -> None:
        self.name, self.popen, self.log, self.redactor = name, popen, log, redactor
        self.stop_seconds = stop_seconds

    def exit_code(self) -> int | None:
        """Return the exit code, or None while it hasn't ended."""
        return self.popen.poll()

    def check_alive(self) -> None:
        """Raise ProcessDied with the log's last error and its last lines when the process has ended."""
        code = self.exit_code()
        if code is not None:
            raise ProcessDied(death(self.name, code, self.log, redactor=self.redactor))

    def stop(self) -> None:
        """End the process and all its children: SIGTERM, and SIGKILL for what is left after `stop_seconds`.

        The children of one that died get SIGKILL at once: Triton's stub, for one, waits for its server.
        """
        if self.popen.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.popen.pid, signal.SIGTERM)
            deadline = time.monotonic() + self.stop_seconds
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(self.stop_seconds)
            while group_lives(self.popen.pid) and time.monotonic() < deadline:
                time.sleep(0.02)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()
        with contextlib.suppress(OSError):  # a full disk: the run's end tries again, and says so
            self.redactor.file(self.log)


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of the suite in a Python that no variable of the environment changes."""
    return [*ISOLATED, str(RUN_MODULE), module, *arguments]


@contextlib.contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Hold SIGINT and SIGTERM back until the end of the block: Popen may be cut off when its child already runs."""
    caught: list[int] = []
    handlers = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                handlers[number] = signal.signal(number, lambda number, frame: caught.append(number))
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for late in caught:
            signal.raise_signal(late)


class Processes:
    """The processes of one run, and the guardian that ends them and removes the run directory if pytest dies.

    `popen` starts them; what has not ended `stop_seconds` after SIGTERM is killed. The guardian says what it can't
    clean up on `stderr`, a file descriptor.
    """

    def __init__(
        self,
        run_directory: Path,
        logs: Path,
        redactor: Redactor | None = None,
        stop_seconds: float = STOP_SECONDS,
        popen: type[subprocess.Popen] = subprocess.Popen,
        stderr: int | None = None,
    ) -> None:
        self.run_directory, self.logs, self.stop_seconds, self.popen = run_directory, logs, stop_seconds, popen
        self.redactor = redactor or Redactor.from_environment(os.environ)
        # MLflow and TensorFlow leave empty folders and cut-off files where temporary files go, and caches at home
        for name in ("tmp", "home"):
            (run_directory / name).mkdir()
        self.started: list[Process] = []
        self.guardian = subprocess.Popen(
            [*ISOLATED, "-S", str(GUARDIAN), str(run_directory), str(logs)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=self.environment(),
            encoding="utf-8",
            start_new_session=True,
        )
        # of a pytest that was killed, nobody else redacts the logs
        self.tell_guardian(
            "redact",
            command=module_command(redact.__name__, str(logs)),
            environment=self.environment(),
            input=json.dumps(sorted(self.redactor.known)),
            fix=f"the logs in {logs} may have secrets in them: look through them before you pass them on",
        )

    @contextlib.contextmanager
    def running(
        self,
        name: str,
        command: Sequence[str | Path],
        environment: Mapping[str, str] | None = None,
        kind: Kind = Kind.OWN,
    ) -> Iterator[Process]:
        """Run the command with its output in `<logs>/<name>.log`; stop it on the way out."""
        process = self.start(name, command, environment, kind)
        try:
            yield process
        finally:
            self.stop(process)

    def start(
        self,
        name: str,
        command: Sequence[str | Path],
        environment: Mapping[str, str] | None = None,
        kind: Kind = Kind.OWN,
        folder: Path | None = None,
    ) -> Process:
        """Start the command and make it known to all that would end it; an interrupt waits until it is.

        `environment`: what it gets besides what its kind of child does. `folder`: where it runs, here by default.
        """
        log = self.logs / f"{name}.log"
        with interrupts_deferred(), log.open("wb") as output:
            popen = self.popen(
                [*BEGIN_WHEN_WATCHED, *map(str, command)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env={**self.environment(kind), **(environment or {})},
                start_new_session=True,
            )
            process = Process(name, popen, log, self.redactor, self.stop_seconds)
            self.started.append(process)
            self.tell_guardian("watch", popen.pid)
            assert popen.stdin is not None
            with contextlib.suppress(BrokenPipeError), popen.stdin:  # one that was killed has no reader
                popen.stdin.write(b"begin\n")
        return process

    def check_alive(self, but: Process | None = None) -> None:
        """Raise ProcessDied when any process that should run has ended; `but` may have, with success."""
        for process in self.started:
            if process is not but or process.exit_code() != 0:
                process.check_alive()

    def stop(self, process: Process) -> None:
        process.stop()
        self.started.remove(process)
        self.tell_guardian("forget", process.popen.pid)

    def close(self, keep: bool = False) -> None:
        """Stop what still runs, last started first; with `keep` leave it, and send the guardian home."""
        if keep:
            self.tell_guardian("release")
        else:
            for process in reversed(self.started.copy()):
                self.stop(process)
        if self.guardian.stdin:
            with contextlib.suppress(BrokenPipeError):
                self.guardian.stdin.close()
        self.guardian.wait()

    def environment(self, kind: Kind = Kind.OWN) -> dict[str, str]:
        """Return what every child of that kind gets."""
        return environment_of(kind, self.run_directory)

    def afterwards(self, command: Sequence[str], fix: str, environment: Mapping[str, str] | None = None) -> None:
        """Have the guardian run a command at the end, however pytest ends; it finds nothing to do after a good end.

        `fix`: what the user must do where it fails. `environment`: by default that of the user's own programs.
        """
        given = dict(environment_of(Kind.USERS) if environment is None else environment)
        self.tell_guardian("afterwards", command=list(command), environment=given, input="", fix=fix)

    def tell_guardian(self, word: str, number: int | None = None, **task: object) -> None:
        """Send a word, with the number of a group of processes or with what is to be run."""
        assert self.guardian.stdin is not None
        argument = number if number is not None else json.dumps(task) if task else ""
        with contextlib.suppress(BrokenPipeError):  # a guardian that was killed must not keep the others alive
            self.guardian.stdin.write(f"{word} {argument}\n")
            self.guardian.stdin.flush()
