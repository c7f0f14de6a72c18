"""What a pod that was given a GPU found there, and what is wrong with it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from acceptance.commands import CommandResult
from acceptance.errors import Problem
from acceptance.gpu.node import CONFIGURE_RUNTIME
from acceptance.gpu.nvidia_smi import DRIVERS, Gpu, cuda_version, gpus, no_gpu, numbers
from acceptance.images import is_pinned_triton, tag_of

RUNTIME_CLASS = (
    "; or make the RuntimeClass that names it, which pods of the suite then ask for: "
    "`kubectl create -f -` with `{apiVersion: node.k8s.io/v1, kind: RuntimeClass, metadata: {name: nvidia}, "
    "handler: nvidia}`"
)
OLDER_TRITON = "or name an older Triton with --images FILE (`triton: nvcr.io/nvidia/tritonserver:TAG`)"
# GPUs, and branches of the driver, that run no newer CUDA than their driver's own
CONSUMER = ("GeForce", "TITAN")
NOT_COMPATIBLE = ((510,), (520,), (530,), (545,), (555,))
# the last line of NVIDIA's sample
PASSED = "Test PASSED"
REBUILD = '`make images BUILD_ARGS="--build-arg TENSORFLOW=tensorflow[and-cuda]==2.19.1"`, then push it'


@dataclass(frozen=True)
class GpuProbe:
    """What manifests/gpu-probe found: device files, what nvidia-smi listed, and the driver's CUDA version."""

    devices: tuple[str, ...]
    listed: CommandResult
    cuda: str

    @property
    def gpus(self) -> list[Gpu]:
        return [replace(found, cuda=self.cuda) for found in gpus(self.listed.output)]


def read_probe(log: str) -> GpuProbe:
    """Read the probe's log: `device NAME` lines, `listing ended with CODE` after the list, nvidia-smi's head."""
    devices = tuple(re.findall(r"^device (\S+)$", log, re.MULTILINE))
    ended = re.search(r"^listing ended with (\d+)$", log, re.MULTILINE)
    before = log[: ended.start()] if ended else log
    listing = "\n".join(line for line in before.splitlines() if not line.startswith("device "))
    return GpuProbe(devices, CommandResult(int(ended[1]) if ended else 1, listing), cuda_version(log))


def failed_pod(name: str, phase: str, log: str) -> Problem | None:
    """Say that a pod did not end well, with its log."""
    return None if phase == "Succeeded" else Problem(f"pod {name} ended {phase}; its log:", detail=log)


def not_passed(name: str, log: str) -> Problem | None:
    """Say that the cuda-vector-add pod's program did not find its sum right, with the log."""
    return None if PASSED in log else Problem(f"pod {name} did not say {PASSED!r}; its log:", detail=log)


def no_runtime(probe: GpuProbe) -> Problem | None:
    """Say that no NVIDIA runtime made the container: it has no device files, or not the driver's programs."""
    fix = f"{CONFIGURE_RUNTIME}{RUNTIME_CLASS}"
    if not probe.devices:
        return Problem(
            "the pod was given a GPU and its container has no /dev/nvidia*: the node's container runtime is not "
            "NVIDIA's",
            fix,
        )
    if "not found" in probe.listed.output:
        return Problem(
            f"the container has {', '.join(probe.devices[:4])} but no nvidia-smi "
            f"({probe.listed.output.strip()[:300]}): the device plugin passes the device files, but no NVIDIA runtime "
            "adds the driver's files",
            fix,
        )
    if problem := no_gpu(probe.listed):
        return Problem(f"in the container {problem} (on the node)")
    return None


def not_one_gpu(probe: GpuProbe) -> Problem | None:
    """Say that the container does not see exactly the one GPU that its pod asked for."""
    if len(probe.gpus) == 1:
        return None
    if not probe.gpus:
        return Problem("the pod asked for one GPU and sees none", str(no_runtime(probe)))
    names = ", ".join(found.name for found in probe.gpus)
    return Problem(
        f"the pod asked for one GPU and sees {len(probe.gpus)} ({names}): the runtime follows the image's "
        "NVIDIA_VISIBLE_DEVICES=all and not the device plugin",
        "restart the plugin, `kubectl -n NAMESPACE rollout restart daemonset NAME`, and compare its "
        "DEVICE_LIST_STRATEGY with the runtime's mode, `nvidia-ctk config`",
    )


def old_cuda(found: Sequence[Gpu], least: str) -> Problem | None:
    """Say that a GPU's driver supports no CUDA as new as the trainer's image needs."""
    old = [gpu.cuda for gpu in found if numbers(gpu.cuda) < numbers(least)]
    if found and not old:
        return None
    version = (old or [""])[0]
    return Problem(
        f"the driver supports CUDA {version or 'of no known version'}; the trainer's image needs {least}",
        f"install a newer driver, {DRIVERS}",
    )


def capability_too_low_for_triton(found: Sequence[Gpu], least: str, triton: str) -> Problem | None:
    """Say which GPU the pinned Triton's CUDA doesn't know; an unknown capability, or another Triton, is not judged."""
    old = [gpu for gpu in found if gpu.compute_capability and numbers(gpu.compute_capability) < numbers(least)]
    if not old or not is_pinned_triton(triton):
        return None
    return Problem(
        f"{old[0].name} has compute capability {old[0].compute_capability}, which is too old for Triton "
        f"{tag_of(triton)}: that needs {least}",
        f"take a newer GPU, {OLDER_TRITON}",
    )


def driver_too_old_for_triton(found: Sequence[Gpu], least: str, triton: str) -> Problem | None:
    """Say whose driver the pinned Triton's CUDA doesn't run on; another Triton is not judged.

    A data-centre GPU's older driver runs a newer CUDA by forward compatibility, but for some branches (release notes of
    Triton 25.08).
    """
    for gpu in found:
        branch = numbers(gpu.driver)[:1]
        compatible = branch not in NOT_COMPATIBLE and not any(name in gpu.name for name in CONSUMER)
        if branch < numbers(least) and not compatible and is_pinned_triton(triton):
            return Problem(
                f"the driver {gpu.driver} of {gpu.name} does not run the CUDA of Triton {tag_of(triton)}: that needs "
                f"{least} or later, or a data-centre GPU with a driver of another branch",
                f"install a newer driver, {DRIVERS}, {OLDER_TRITON}",
            )
    return None


def no_tensorflow_gpu(name: str, phase: str, log: str) -> Problem | None:
    """Say why TensorFlow's `Num GPUs` is 0, from how the pod of manifests/tensorflow-probe ended and its log."""
    found = re.search(r"^Num GPUs Available: +(\d+)$", log, re.MULTILINE)
    if found and int(found[1]):
        return None
    end_of_log = "\n".join(f"    {line[:300]}" for line in log.strip().splitlines()[-12:]) or "    (nothing)"
    if not found:
        why, fix = "TensorFlow did not say how many GPUs it has", "look at why it ended"
    elif "built with CUDA: False" in log:
        why, fix = "the trainer's image has TensorFlow without CUDA", REBUILD
    elif "Cannot dlopen" in log:
        why, fix = "CUDA's libraries that TensorFlow was built for are not in the trainer's image", REBUILD
    elif "CUDA_ERROR" in log or "cuInit" in log:
        why = "CUDA does not start in the container: the driver is too old for the image or its libcuda is not there"
        fix = f"{CONFIGURE_RUNTIME}; drivers: {DRIVERS}"
    else:
        why = "the container has no GPU that TensorFlow can use: the runtime gives it none, or it is too old for it"
        fix = CONFIGURE_RUNTIME
    return Problem(f"pod {name} ended {phase}: TensorFlow lists no GPU: {why}", fix, f"  it said:\n{end_of_log}")
