"""A Docker daemon that is made up, for contract tests of what this machine can't have.

Loaded with `-p`; the environment variable FAKE_DOCKER holds JSON: who says which words of `tests/docker_recorded.py`.
FAKE_KERNEL and FAKE_VERSION replace the kernel's and Docker's version. The machine's nvidia-smi is fake_program.py's.
"""

import contextlib
import json
import os

from acceptance.commands import CommandResult
from acceptance.docker import host
from acceptance.docker.engine import Engine
from acceptance.errors import AcceptanceError, Problem, Unrecoverable
from acceptance.stacks.docker import DockerStack
from acceptance.stacks.protocol import HasDocker
from acceptance.stacks.targets import Target
from tests import docker_recorded

SAYS = {"error": "", "info": "GPU_INFO", "vegeta-version": "VEGETA", "nvidia-smi": "LISTED"}


def recorded(what: str):
    """Return the recorded words, unless the daemon isn't there."""
    says = {**SAYS, **json.loads(os.environ.get("FAKE_DOCKER", "{}"))}
    if says["error"]:
        error = getattr(docker_recorded, says["error"])
        raise Unrecoverable(host.unreachable("unix:///var/run/docker.sock", error, installed=True))
    return getattr(docker_recorded, says[what])


class FakeEngine(Engine):
    """Answers at once what it is told to."""

    network = "made-up"

    def info(self) -> dict:
        versions = {"KernelVersion": os.environ.get("FAKE_KERNEL"), "ServerVersion": os.environ.get("FAKE_VERSION")}
        return {**recorded("info"), **{name: version for name, version in versions.items() if version}}

    @staticmethod
    def find_info() -> dict | None:
        with contextlib.suppress(Unrecoverable):
            return recorded("info")
        return None

    @staticmethod
    def missing_images(images) -> list[Problem]:
        return []

    def require_image(self, image: str) -> None:
        pass

    def output(self, name: str, image: str, command, **options) -> CommandResult:
        answer = recorded(name)
        if answer.code == host.REFUSED:
            raise AcceptanceError(answer.output)
        return answer


class FakeDockerStack(DockerStack):
    engine_class = FakeEngine


def pytest_acceptance_targets():
    return {"docker": Target(lambda: FakeDockerStack, (HasDocker,))}
