"""A Docker daemon, and what one run has on it: containers, a network, volumes, all with the run's label."""

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from acceptance.commands import CommandResult
from acceptance.docker import cleanup, host
from acceptance.docker.container import Container, docker_errors
from acceptance.errors import AcceptanceError, Problem, Unrecoverable, WaitTimeout, root
from acceptance.files import write_whole
from acceptance.health import first_words
from acceptance.images import Pull
from acceptance.processes.local import interrupts_deferred
from acceptance.redaction.redactor import Redactor
from acceptance.waiting import Ready, in_time, wait_until

OUTPUT_SECONDS = 120
OTHER_IMAGES = "`make images` builds the suite's own, `--images FILE` names others"
# a run that a daemon doesn't answer, or by a byte at a time, ends within 30 s: it is asked twice before the run
ANSWER_SECONDS = 12
LOOPBACK = "127.0.0.1"


class Engine:
    """Connects at first use, and says so to `connected`: from then on there may be something to remove."""

    def __init__(
        self,
        run: str,
        logs: Path,
        say: Callable[[str], None],
        connected: Callable[[], None],
        redactor: Redactor | None = None,
    ) -> None:
        self.run, self.logs, self.say, self.connected = run, logs, say, connected
        self.redactor = redactor or Redactor.from_environment(os.environ)
        self.labels = cleanup.labels(run)
        self.started: list[Container] = []
        self.pulls: list[Pull] = []

    # --- the daemon

    @cached_property
    def docker(self) -> Any:
        """testcontainers' client; raises Unrecoverable as `connect` does."""
        docker = connect()
        self.connected()
        return docker

    @cached_property
    def host(self) -> str:
        """Where published ports are reached: 127.0.0.1, unless the daemon is on another machine."""
        found = self.docker.host()
        return LOOPBACK if found in ("localhost", "::1") else found

    def info(self) -> dict:
        """Return what `docker info` says."""
        return info_of(self.docker.client)

    @staticmethod
    def find_info() -> dict | None:
        """Return what `docker info` says before a run, or None where there is no daemon that this user may use.

        Raises Unrecoverable where something else answers, or nothing in time.
        """
        try:
            with contextlib.closing(connect().client) as client:
                return info_of(client)
        except NoDaemon:
            return None

    @staticmethod
    def missing_images(images: Collection[str]) -> list[Problem]:
        """Return which images the daemon lacks and can't pull."""
        from acceptance.docker.pulls import missing_images

        return missing_images(images)

    def require_image(self, image: str) -> None:
        """Have the image there, pulled where it isn't. Raises AcceptanceError that names it and the fix."""
        from docker.errors import ImageNotFound

        from acceptance.docker.pulls import pull

        with docker_errors(f"looking for the image {image}"), contextlib.suppress(ImageNotFound):
            self.docker.client.images.get(image)
            return
        began = time.time()
        pull(self.docker.client, image, self.say)
        self.pulls.append(Pull(image, time.time(), time.time() - began))

    # --- what the run has on it

    @cached_property
    def network(self) -> str:
        """The run's network; its containers reach each other by their names."""
        docker = self.docker
        try:
            with interrupts_deferred(), docker_errors("making a network"):
                docker.client_networks_create(self.run, {"labels": self.labels, "driver": "bridge"})
        except AcceptanceError as error:
            raise AcceptanceError(host.no_network(error.problem.what)) from error
        return self.run

    @contextlib.contextmanager
    def volume(self, name: str) -> Iterator[str]:
        """Make a volume, and remove it on the way out."""
        from docker.errors import APIError
        from testcontainers.core.labels import create_labels

        with interrupts_deferred(), docker_errors(f"making the volume {name}"):
            labels = create_labels("", self.labels)
            volume = self.docker.client.volumes.create(f"{self.run}-{name}", labels=labels)
        try:
            yield volume.name
        finally:
            with contextlib.suppress(APIError):  # what is left in the end is found by its label
                volume.remove(force=True)

    def start(
        self,
        name: str,
        image: str,
        command: Sequence[str],
        *,
        files: Mapping[str, Path] | None = None,
        ports: Sequence[int] = (),
        gpu: bool = False,
        **options: Any,
    ) -> Container:
        """Start a container on the run's network, with the folders in it and its ports on `host`.

        `options` are those of the Docker SDK's `containers.create`. On another machine than this one, ports are
        published on all of its addresses: its loopback can't be reached.
        """
        from docker.types import DeviceRequest

        self.require_image(image)
        address = LOOPBACK if self.host == LOOPBACK else ""
        requests = [DeviceRequest(count=1, capabilities=[["gpu"]])] if gpu else None
        alias = self.docker.client.api.create_endpoint_config(aliases=[name])
        network = self.network
        with interrupts_deferred(), docker_errors(f"creating {name}"):
            created = self.docker.create(
                image,
                command=list(command),
                name=f"{self.run}-{name}",
                labels=self.labels,
                network=network,
                networking_config={network: alias},
                ports={f"{port}/tcp": (address, None) for port in ports},
                device_requests=requests,
                use_config_proxy=False,  # containers talk to each other alone, and no proxy knows their names
                **options,
            )
            container = Container(name, created, self.host, self.logs / f"{name}.log", self.redactor)
            self.started.append(container)
        try:
            if files:
                container.put(files)
            container.start()
        except BaseException:  # it has a name that another may need
            self.stop(container)
            raise
        return container

    @contextlib.contextmanager
    def running(self, name: str, image: str, command: Sequence[str], **options: Any) -> Iterator[Container]:
        """Start a container as `start` does; remove it on the way out."""
        container = self.start(name, image, command, **options)
        try:
            yield container
        finally:
            self.stop(container)

    def output(self, name: str, image: str, command: Sequence[str], **options: Any) -> CommandResult:
        """Run a command in a container to its end; return its exit code and its output."""
        with self.running(name, image, command, **options) as container:

            def state() -> Ready[int] | str:
                code = container.exit_code()
                return "it runs" if code is None else Ready(code)

            code = wait_until(f"{name}, a container of {image}, to finish", state, OUTPUT_SECONDS)
            return CommandResult(code, container.read_log())

    def nvidia_smi(self, image: str, command: Sequence[str]) -> CommandResult:
        """Run nvidia-smi in a container that gets a GPU; that Docker refuses to start it is a result as well."""
        self.require_image(image)
        try:
            return self.output("nvidia-smi", image, command, gpu=True)
        except Unrecoverable:
            raise
        except AcceptanceError as refused:
            return CommandResult(host.REFUSED, str(refused))

    def check_alive(self, but: Container | None = None) -> None:
        """Raise ProcessDied when any container that should run has ended; `but` may have, with success."""
        for container in self.started:
            if container is not but or container.exit_code() != 0:
                container.check_alive()

    def stop(self, container: Container) -> None:
        container.remove()
        self.started.remove(container)

    def save_evidence(self) -> None:
        """Write every container's log, and their states into `docker.log`."""
        if "docker" not in vars(self):  # it was never asked for anything
            return
        lines = [describe_daemon()]
        for container in self.started:
            try:
                lines.append(f"{container.name}: {container.state()}")
                container.save_log()
            except AcceptanceError as error:
                lines.append(f"{container.name}: {error}")
        write_whole(self.logs / "docker.log", self.redactor.text("\n".join(lines) + "\n"))

    def close(self, keep: bool = False) -> None:
        """Write the evidence, and remove all that the run has unless it is to stay."""
        self.save_evidence()
        for container in [] if keep else reversed(self.started.copy()):
            self.stop(container)
        if "docker" in vars(self):
            if not keep:
                with docker_errors(f"removing what is labelled {cleanup.RUN}={self.run}"):
                    cleanup.remove(self.docker.client, self.run)
            self.docker.client.close()


class NoDaemon(Unrecoverable):
    """No Docker daemon is there, or none that this user may use."""


def connect() -> Any:
    """Return testcontainers' client, which finds the daemon as the docker command does.

    Raises NoDaemon with why there is none, and Unrecoverable with what answers in its place; each with the fix.
    """
    from docker.errors import DockerException
    from testcontainers.core.docker_client import DockerClient

    def connected() -> Any:
        docker = DockerClient()
        if not docker.client.ping():
            raise DockerException("what answers there is no Docker daemon")
        return docker

    try:
        return in_time("connecting to Docker", connected, ANSWER_SECONDS)
    except (DockerException, OSError, ValueError, LookupError, TypeError, WaitTimeout) as error:
        installed = bool(shutil.which("docker"))
        answer = getattr(root(error), "doc", "")  # what was to be JSON
        words = f"{error}; what answers there says {first_words(answer)}" if answer else str(error)
        kind = NoDaemon if host.is_absent(words) else Unrecoverable
        raise kind(host.unreachable(daemon_address(), words, installed)) from error


def info_of(client: Any) -> dict:
    with docker_errors("asking for its state"):
        return client.info()


def not_pulled(image: str, why: str) -> Problem:
    full = "no space left" in why
    return Problem(
        f"image {image}: not on {daemon_address()}, and it can't be pulled: {why}",
        host.MORE_ROOM if full else OTHER_IMAGES,
    )


def describe_daemon() -> str:
    """Say which daemon it is, or why there is none."""
    try:
        with contextlib.closing(connect().client) as client, docker_errors("asking for its version"):
            return f"Docker {client.version().get('Version', 'of no version')} at {daemon_address()}"
    except AcceptanceError as error:
        return str(error)


def daemon_address() -> str:
    """Return the daemon's address as it was found."""
    from testcontainers.core.docker_client import get_docker_host

    return get_docker_host() or os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
