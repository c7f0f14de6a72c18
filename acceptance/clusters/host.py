"""What a cluster in containers needs of this machine: Docker, the cluster's program, perhaps a GPU; all asked first."""

import json
import os
import re
import shutil
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from acceptance.commands import CommandResult, run_command
from acceptance.docker import host as docker_host
from acceptance.errors import BadSetting, Problem, shortened
from acceptance.gpu import cuda, nvidia_smi
from acceptance.gpu.nvidia_smi import Gpu, numbers
from acceptance.images import only_here

DOCKER_LEAST = "20.10.5"
# TensorFlow's CUDA 12 needs it, and a CUDA base image of 11.8 or later with it
DRIVER_LEAST = "525.60.13"
# a node's own image, and what runs in it
NODE_BYTES = 2 << 30
SECONDS = 60
# what answers at once, or hangs: it is named within 30 s, before anything starts
ANSWER_SECONDS = 25


def ask(command: Sequence[str], seconds: float = SECONDS) -> CommandResult:
    return run_command(command, seconds)


# --- Docker and the cluster's program


def docker_info() -> dict[str, Any]:
    """Return what `docker info` says; raises BadSetting where Docker is missing, unreachable or too old."""
    if not shutil.which("docker"):
        raise BadSetting(
            Problem("docker is not on the PATH", f"install Docker {DOCKER_LEAST} or later, {docker_host.INSTALL}")
        )
    answer = ask(["docker", "info", "--format", "{{json .}}"], ANSWER_SECONDS)
    try:
        info = dict(json.loads(answer.output.splitlines()[0]))
    except (ValueError, IndexError, TypeError):
        info = {}
    errors = info.get("ServerErrors") or []
    if answer.code or errors or not info:
        words = "; ".join(errors) or shortened(answer.output.strip()) or f"exit code {answer.code}"
        raise BadSetting(docker_host.unreachable("its own address", words, installed=True))
    if problem := docker_host.old_docker(info, DOCKER_LEAST):
        raise BadSetting(problem)
    return info


def program_version(name: str, least: str, install: str) -> str:
    """Return the program's version; raises BadSetting where it is missing or too old."""
    if not shutil.which(name):
        raise BadSetting(Problem(f"--target {name}: {name} is not on the PATH", f"install {least} or later, {install}"))
    answer = ask([name, "version"], ANSWER_SECONDS)
    found = re.search(r"v(\d+\.\d+\.\d+)", answer.output) if answer.code == 0 else None
    if not found or numbers(found[1]) < numbers(least):
        version = found[1] if found else f"unknown (`{name} version` says {answer.output.strip()[:200]!r})"
        raise BadSetting(
            Problem(f"--target {name}: its version is {version}; it must be at least {least}", f"upgrade it, {install}")
        )
    return found[1]


def port_taken(port: int) -> Problem | None:
    """Say that something listens on the port of this machine."""
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", port)):
            return None
    return Problem(
        f"port {port} of this machine is taken, and the cluster's load balancer is to have it",
        f"stop what listens there (`sudo ss -ltnp 'sport = :{port}'`; `k3d cluster list` shows what a run on a "
        "machine that crashed left; `k3d cluster delete NAME` removes it), or reuse one with --cluster NAME",
    )


# --- the GPU


def find_gpu(info: Mapping[str, Any]) -> Gpu | Problem:
    """Return the first GPU that Docker can give a node, from the driver up, or why there is none."""
    found = nvidia_smi.hidden(os.environ) or nvidia_smi.find_gpus()
    if isinstance(found, Problem):
        return found
    return docker_host.no_runtime(info) or found[0]


def driver_problems(gpu: Gpu) -> list[Problem]:
    """Return why the GPU's driver can't run the CUDA of the trainer's image, or of any node image."""
    found = (nvidia_smi.old_driver([gpu], DRIVER_LEAST), cuda.no_base(gpu.cuda))
    return [problem for problem in found if problem]


def show_driver(node: str) -> None:
    """Have a node's container show the whole driver, for the node's own runtime: Docker's hides the other GPUs' part.

    A newer Docker runtime hides nothing, and then there is nothing to unmount.
    """
    ask(["docker", "exec", node, "umount", "-R", "/proc/driver/nvidia"])


# --- images


def no_node_image(image: str) -> Problem | None:
    """Say that Docker lacks the image that a node with a GPU is made of, and that no registry has."""
    if has_image(image):
        return None
    return Problem(
        f"image {image}: Docker does not have it, and a node with a GPU is made of it",
        "`make images IMAGES=k3s-cuda` builds k3d's and `IMAGES=kind-cuda` kind's, --images FILE names another",
    )


def cuda_too_new(image: str, gpu: Gpu) -> Problem | None:
    """Say that the node image isn't there, or that its CUDA is too new for the GPU's driver."""
    if problem := no_node_image(image):
        return problem
    answer = ask(["docker", "image", "inspect", "--format", "{{json .Config.Env}}", image])
    variables = dict(one.partition("=")[::2] for one in answer.json() or [])
    return cuda.too_new(image, variables.get("CUDA_VERSION", "0"), gpu.cuda)


def has_image(image: str) -> bool:
    return ask(["docker", "image", "inspect", "--format", "{{.Id}}", image]).code == 0


def no_room(info: Mapping[str, Any], images: Sequence[str]) -> Problem | None:
    """Say that Docker's disk has no room for a node with these images: each that Docker has, it has a second time."""
    return docker_host.no_room(info, NODE_BYTES + sum(image_bytes(image) for image in images))


def image_bytes(image: str) -> int:
    """Return the size of an image, 0 where Docker doesn't have it."""
    answer = ask(["docker", "image", "inspect", "--format", "{{.Size}}", image])
    return int(answer.output) if answer.code == 0 and answer.output.strip().isdecimal() else 0


def missing_own_images(images: Sequence[str]) -> Problem | None:
    """Say which images of `make images` Docker lacks: no registry has them."""
    missing = [image for image in images if only_here(image) and not has_image(image)]
    if not missing:
        return None
    return Problem(
        f"Docker has no {', '.join(missing)}", "`make images` builds them, or name others with --images FILE"
    )
