"""What the tutorial asks of a Docker host, and what is wrong with one."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from acceptance.commands import CommandResult
from acceptance.errors import Problem, shortened
from acceptance.gpu import nvidia_smi
from acceptance.gpu.nvidia_smi import numbers

CONFIGURE = "`sudo nvidia-ctk runtime configure --runtime=docker`, then `sudo systemctl restart docker`"
INSTALL = "https://docs.docker.com/engine/install/"
TOOLKIT = "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html"
GIVE_GPUS = f"install {TOOLKIT} and run {CONFIGURE}"
MORE_ROOM = "`docker system prune` removes what nothing uses; or move Docker's `data-root` to another disk"
# what the errors of a connection say where no daemon is, or none that this user may use
FORBIDDEN = "permission denied"
ABSENT = ("no such file", "connection refused", "cannot connect to the docker daemon", FORBIDDEN)
# the exit code of a `docker run` that the daemon refuses
REFUSED = 125


def is_absent(error: str) -> bool:
    """Say whether the error of a connection means that no daemon is there, or none that this user may use."""
    return any(words in error.lower() for words in ABSENT)


def unreachable(address: str, error: str, installed: bool) -> Problem:
    """Say why Docker didn't answer, from the error of the connection; `installed`: docker is on the PATH."""
    if FORBIDDEN in error.lower():
        return Problem(
            f"Docker at {address}: this user may not use it ({error})",
            "`sudo usermod -aG docker $USER`, then log in again",
        )
    if is_absent(error) and not installed:
        return Problem(f"Docker at {address}: Docker is not installed ({error})", f"see {INSTALL}")
    if is_absent(error):
        return Problem(
            f"Docker at {address}: its daemon does not run ({error})",
            "`sudo systemctl start docker`, or point DOCKER_HOST at one that does",
        )
    return Problem(f"Docker at {address}: {error}", "check DOCKER_HOST and `docker version`")


def failed_container(result: CommandResult, words: str) -> Problem | None:
    """Say that a container did not end well, or that its program did not say the words."""
    if result.code == 0 and words in result.output:
        return None
    return Problem(
        f"the container ended with {result.code} and said {shortened(result.output.strip())!r}, not {words!r}",
        "try `docker run --rm` with the same image, and look at `journalctl -u docker`",
    )


def old_kernel(info: Mapping, above: str) -> Problem | None:
    version = str(info.get("KernelVersion", ""))
    # 3.10.0-1160 is 3.10: only the first two numbers count
    if numbers(version)[:2] > numbers(above):
        return None
    return Problem(
        f"the kernel of Docker's host is {version or 'unknown'}; it must be newer than {above}", "upgrade it"
    )


def old_docker(info: Mapping, least: str) -> Problem | None:
    version = str(info.get("ServerVersion", ""))
    if numbers(version) >= numbers(least):
        return None
    return Problem(f"Docker is {version or 'unknown'}; it must be at least {least}", f"upgrade it, {INSTALL}")


def no_room(info: Mapping, needed: int) -> Problem | None:
    """Say that the disk of Docker's images and containers has fewer than `needed` bytes free.

    Of a daemon on another machine nothing is known.
    """
    root = Path(info.get("DockerRootDir") or "none")
    try:
        free = shutil.disk_usage(root).free
    except OSError:
        return None
    if free >= needed:
        return None
    return Problem(
        f"{root}: {free / 2**30:.1f} GiB free on Docker's disk; a run needs {needed / 2**30:.1f} GiB there",
        MORE_ROOM,
    )


def no_network(error: str) -> Problem:
    """Say why Docker makes no network, from its words."""
    if "address pool" in error:
        return Problem(
            error,
            "`docker network prune` removes those that nothing uses; or widen `default-address-pools` in Docker's "
            "daemon.json",
        )
    return Problem(error, "try `docker network create`, and look at `journalctl -u docker`")


def no_runtime(info: Mapping) -> Problem | None:
    runtimes = sorted(info.get("Runtimes") or {})
    if "nvidia" in runtimes:
        return None
    by_cdi = info.get("CDISpecDirs") or info.get("DiscoveredDevices")
    instead = ", by which the suite asks Docker for GPUs, not by CDI" if by_cdi else ""
    return Problem(f"Docker has the runtimes {', '.join(runtimes)} and no nvidia{instead}", GIVE_GPUS)


def no_gpu(listed: CommandResult, find_cuda: Callable[[], str] = lambda: "") -> Problem | None:
    """Say what is wrong with nvidia-smi's list of GPUs, asked for on the host or in a container.

    `find_cuda`: returns the CUDA version that the host's driver supports; called where Docker refused the container.
    """
    output = shortened(listed.output.strip())
    if "could not select device driver" in output or "executable file not found" in output:
        return Problem(f"Docker gives the container no GPU ({output})", GIVE_GPUS)
    cuda = find_cuda() if nvidia_smi.REFUSED in listed.output else ""
    return nvidia_smi.refused(listed.output, "the image `cuda` of images.yaml", cuda) or nvidia_smi.no_gpu(listed)


def host_cuda(ask: nvidia_smi.Ask = nvidia_smi.ask) -> str:
    """Return the CUDA version that the host's driver supports, "" where nvidia-smi doesn't say."""
    return nvidia_smi.cuda_version(ask(["nvidia-smi"]).output)
