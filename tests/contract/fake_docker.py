"""A Docker daemon and an nvidia-smi that are made up, for contract tests of what this machine can't have.

Loaded with `-p`; the environment variable FAKE_DOCKER holds JSON: who says which words of `tests/docker_recorded.py`.
FAKE_KERNEL and FAKE_VERSION replace the kernel's and Docker's version.
"""

import json
import os

from acceptance.docker import host as docker_host
from acceptance.docker.engine import Engine
from acceptance.errors import AcceptanceError, Unrecoverable
from acceptance.gpu import nvidia_smi
from acceptance.gpu.nvidia_smi import Answer
from tests import docker_recorded

SAYS = {"error": "", "info": "GPU_INFO", "vegeta-version": "VEGETA", "nvidia-smi": "LISTED", "host": "LISTED"}
SAYS |= json.loads(os.environ.get("FAKE_DOCKER", "{}"))
KERNEL, DOCKER = os.environ.get("FAKE_KERNEL"), os.environ.get("FAKE_VERSION")


def said(what: str):
    """Return the recorded words, unless the daemon isn't there."""
    if SAYS["error"] and what != "host":
        error = getattr(docker_recorded, SAYS["error"])
        raise Unrecoverable(docker_host.unreachable("unix:///var/run/docker.sock", error, installed=True))
    return getattr(docker_recorded, SAYS[what])


class FakeEngine(Engine):
    """Answers at once what it is told to."""

    def info(self) -> dict:
        versions = {"KernelVersion": KERNEL, "ServerVersion": DOCKER}
        return {**said("info"), **{name: version for name, version in versions.items() if version}}

    def need(self, image: str) -> None:
        pass

    def output(self, name: str, image: str, command, **options) -> Answer:
        answer = said(name)
        if answer.code == 125:
            raise AcceptanceError(answer.text)
        return answer


def ask(command: list[str]) -> Answer:
    """Answer as an nvidia-smi of before driver 510 does where the recorded words have no compute capability."""
    answer = said("host")
    old = answer == docker_recorded.NO_CAPABILITY and "compute_cap" in " ".join(command)
    return docker_recorded.UNKNOWN_FIELD if old else answer


for method in ("info", "need", "output"):
    setattr(Engine, method, getattr(FakeEngine, method))
nvidia_smi.ask = ask
