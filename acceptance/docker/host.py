"""What the tutorial asks of a Docker host. Each check returns "" or what is wrong and how to put it right."""

from collections.abc import Mapping

from acceptance.gpu import nvidia_smi
from acceptance.gpu.nvidia_smi import Answer, numbers

CONFIGURE = "`sudo nvidia-ctk runtime configure --runtime=docker`, then `sudo systemctl restart docker`"
INSTALL = "https://docs.docker.com/engine/install/"
TOOLKIT = "https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html"


def unreachable(where: str, error: str, installed: bool) -> str:
    """Say why Docker didn't answer, from the error of the connection; `installed`: docker is on the PATH."""
    down = any(
        words in error for words in ("No such file", "Connection refused", "Cannot connect to the Docker daemon")
    )
    if "permission denied" in error.lower():
        fix = "this user may not use it; `sudo usermod -aG docker $USER`, then log in again"
    elif down and not installed:
        fix = f"Docker is not installed; see {INSTALL}"
    elif down:
        fix = "its daemon does not run; `sudo systemctl start docker`, or point DOCKER_HOST at one that does"
    else:
        fix = "check DOCKER_HOST and `docker version`"
    return f"Docker at {where}: {fix} ({error})"


def wrong_run(answer: Answer, words: str) -> str:
    if answer.code == 0 and words in answer.text:
        return ""
    return (
        f"the container ended with {answer.code} and said {answer.text.strip()[:500]!r}, not {words!r}; "
        "try `docker run --rm` with the same image, and look at `journalctl -u docker`"
    )


def old_kernel(info: Mapping, above: str) -> str:
    version = str(info.get("KernelVersion", ""))
    # 3.10.0-1160 is 3.10: only the first two numbers count
    if numbers(version)[:2] > numbers(above):
        return ""
    return f"the kernel of Docker's host is {version or 'unknown'}; it must be newer than {above}: upgrade it"


def old_docker(info: Mapping, least: str) -> str:
    version = str(info.get("ServerVersion", ""))
    if numbers(version) >= numbers(least):
        return ""
    return f"Docker is {version or 'unknown'}; it must be at least {least}: upgrade it, {INSTALL}"


def no_runtime(info: Mapping) -> str:
    runtimes = sorted(info.get("Runtimes") or {})
    if "nvidia" in runtimes:
        return ""
    by_cdi = info.get("CDISpecDirs") or info.get("DiscoveredDevices")
    instead = ", by which the suite asks Docker for GPUs, not by CDI" if by_cdi else ""
    return (
        f"Docker has the runtimes {', '.join(runtimes)} and no nvidia{instead}: install {TOOLKIT} and run {CONFIGURE}"
    )


def no_gpu(answer: Answer) -> str:
    """Say what is wrong with nvidia-smi's list, asked for on the host or in a container, which Docker may refuse."""
    said = answer.text.strip()[:500]
    if "could not select device driver" in said or "executable file not found" in said:
        return f"Docker gives the container no GPU ({said}): install {TOOLKIT} and run {CONFIGURE}"
    cuda = nvidia_smi.cuda_version(nvidia_smi.ask(["nvidia-smi"]).text) if nvidia_smi.REFUSED in answer.text else ""
    return nvidia_smi.refused(answer.text, "the image `cuda` of images.yaml", cuda) or nvidia_smi.no_gpu(answer)
