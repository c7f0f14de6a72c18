"""What a pod that was given a GPU found there. Each check returns "" or what is wrong and how to put it right."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from acceptance.gpu import nvidia_smi
from acceptance.gpu.node import CONFIGURE
from acceptance.gpu.nvidia_smi import Answer, HostGpu
from acceptance.images import read_images

CLASS = (
    "; or make the RuntimeClass that names it, which pods of the suite then ask for: "
    "`kubectl create -f -` with `{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: nvidia}, "
    "handler: nvidia}`"
)
OLDER_TRITON = "or name an older Triton with --images FILE (`triton: nvcr.io/nvidia/tritonserver:TAG`)"
# GPUs, and branches of the driver, that run no newer CUDA than their driver's own
CONSUMER = ("GeForce", "TITAN")
NOT_COMPATIBLE = ((510,), (520,), (530,), (545,), (555,))
REBUILD = '`make images BUILD_ARGS="--build-arg TENSORFLOW=tensorflow[and-cuda]==2.19.1"`, then push it'


@dataclass(frozen=True)
class Probe:
    """What manifests/gpu-probe found: device files, what nvidia-smi listed, and its words where it failed."""

    devices: tuple[str, ...]
    listed: Answer
    cuda: str

    @property
    def gpus(self) -> list[HostGpu]:
        return nvidia_smi.gpus(self.listed.text)


def read_probe(log: str) -> Probe:
    """Read the probe's log: `device NAME` lines, `listing ended with CODE` after the list, nvidia-smi's head."""
    devices = tuple(re.findall(r"^device (\S+)$", log, re.MULTILINE))
    ended = re.search(r"^listing ended with (\d+)$", log, re.MULTILINE)
    said = log[: ended.start()] if ended else log
    listing = "\n".join(line for line in said.splitlines() if not line.startswith("device "))
    return Probe(devices, Answer(int(ended[1]) if ended else 1, listing), nvidia_smi.cuda_version(log))


def no_runtime(probe: Probe) -> str:
    """Say that no NVIDIA runtime made the container: it has no device files, or not the driver's programs."""
    if not probe.devices:
        return (
            "the pod was given a GPU and its container has no /dev/nvidia*: the node's container runtime is not "
            f"NVIDIA's: {CONFIGURE}{CLASS}"
        )
    if "not found" in probe.listed.text:
        return (
            f"the container has {', '.join(probe.devices[:4])} but no nvidia-smi ({probe.listed.text.strip()[:300]}): "
            "the device plugin passes the device files, but no NVIDIA runtime adds the driver's files: "
            f"{CONFIGURE}{CLASS}"
        )
    if wrong := nvidia_smi.no_gpu(probe.listed):
        return f"in the container {wrong} (on the node)"
    return ""


def not_one(probe: Probe) -> str:
    """Say that the container does not see exactly the one GPU that its pod asked for."""
    if len(probe.gpus) == 1:
        return ""
    if not probe.gpus:
        return f"the pod asked for one GPU and sees none: {no_runtime(probe)}"
    names = ", ".join(found.name for found in probe.gpus)
    return (
        f"the pod asked for one GPU and sees {len(probe.gpus)} ({names}): the runtime follows the image's "
        "NVIDIA_VISIBLE_DEVICES=all and not the device plugin; restart the plugin, `kubectl -n NAMESPACE rollout "
        "restart daemonset NAME`, and compare its DEVICE_LIST_STRATEGY with the runtime's mode, `nvidia-ctk config`"
    )


def old_cuda(version: str, least: str) -> str:
    if nvidia_smi.numbers(version) >= nvidia_smi.numbers(least):
        return ""
    return (
        f"the driver supports CUDA {version or 'of no known version'}; the trainer's image needs {least}: install "
        f"a newer driver, {nvidia_smi.DRIVERS}"
    )


def too_old_for_triton(found: Sequence[HostGpu], least: str, triton: str) -> str:
    """Say which GPU the pinned Triton's CUDA doesn't know; an unknown capability, or another Triton, is not judged."""
    old = [one for one in found if one.capability and nvidia_smi.numbers(one.capability) < nvidia_smi.numbers(least)]
    if not old or not is_pinned(triton):
        return ""
    return (
        f"{old[0].name} has compute capability {old[0].capability}, which is too old for Triton {tag_of(triton)}: "
        f"that needs {least}; take a newer GPU, {OLDER_TRITON}"
    )


def old_for_triton(found: Sequence[HostGpu], least: str, triton: str) -> str:
    """Say whose driver the pinned Triton's CUDA doesn't run on; another Triton is not judged.

    A data-centre GPU's older driver runs a newer CUDA by forward compatibility, but for some branches (release notes of
    Triton 25.08).
    """
    for one in found:
        branch = nvidia_smi.numbers(one.driver)[:1]
        compatible = branch not in NOT_COMPATIBLE and not any(name in one.name for name in CONSUMER)
        if branch < nvidia_smi.numbers(least) and not compatible and is_pinned(triton):
            return (
                f"the driver {one.driver} of {one.name} does not run the CUDA of Triton {tag_of(triton)}: that needs "
                f"{least} or later, or a data-centre GPU with a driver of another branch; install a newer driver, "
                f"{nvidia_smi.DRIVERS}, {OLDER_TRITON}"
            )
    return ""


def tag_of(image: str) -> str:
    return image.rpartition(":")[2]


def is_pinned(triton: str) -> bool:
    return tag_of(triton) == tag_of(read_images(None).triton)


def no_tensorflow_gpu(log: str) -> str:
    """Say why TensorFlow's `Num GPUs` is 0, from the log of manifests/tensorflow-probe."""
    found = re.search(r"^Num GPUs Available: +(\d+)$", log, re.MULTILINE)
    if found and int(found[1]):
        return ""
    said = "\n".join(f"    {line[:300]}" for line in log.strip().splitlines()[-12:]) or "    (nothing)"
    if not found:
        why = "TensorFlow did not say how many GPUs it has: look at why it ended"
    elif "built with CUDA: False" in log:
        why = f"the trainer's image has TensorFlow without CUDA: {REBUILD}"
    elif "Cannot dlopen" in log:
        why = f"CUDA's libraries that TensorFlow was built for are not in the trainer's image: {REBUILD}"
    elif "CUDA_ERROR" in log or "cuInit" in log:
        why = (
            "CUDA does not start in the container: the driver is too old for the image or its libcuda is not there; "
            f"{CONFIGURE}; drivers: {nvidia_smi.DRIVERS}"
        )
    else:
        why = "the container has no GPU that TensorFlow can use: the runtime gives it none, or it is too old for it"
    return f"TensorFlow lists no GPU: {why}; it said:\n{said}"
