"""Whether Triton computes on the GPU, by its metrics, its log and its model's configuration.

Each check returns "" or what is wrong and how to put it right.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from acceptance.gpu.node import CONFIGURE
from acceptance.gpu.nvidia_smi import DRIVERS

# CUDA's words for a driver that doesn't run it
OLD_DRIVER = ("driver version is insufficient", "unsupported display driver", "forward compatibility was attempted")

# every GPU metric has the GPU's UUID as its label; memory is what no metric of the CPU can be taken for
METRICS = ("nv_gpu_utilization", "nv_gpu_memory_total_bytes", "nv_gpu_memory_used_bytes")
REBUILD = (
    "the Triton image's ONNX Runtime needs CUDA: the stock image, or `make images "
    'BUILD_ARGS="--build-arg ONNXRUNTIME=onnxruntime-gpu[cuda,cudnn]==1.23.2"`; on this machine `make setup GPU=1`'
)
CUDA = "CUDAExecutionProvider"


def gpu_metrics(text: str) -> dict[str, dict[str, float]]:
    """Return each GPU's metrics by its UUID, from the server's metrics in Prometheus' text format."""
    found: dict[str, dict[str, float]] = {}
    for name, uuid, value in re.findall(r'^(nv_gpu_\w+)\{gpu_uuid="([^"]+)"\} (\S+)$', text, re.MULTILINE):
        found.setdefault(uuid, {})[name] = float(value)
    return found


def missing_metrics(text: str, log: str) -> str:
    """Say which of the GPU's metrics are not there, with the server's reason; its first values take 2 s."""
    gpus = gpu_metrics(text)
    if not gpus:
        said = [line for line in log.splitlines() if "DCGM" in line or "GPU metrics will not be" in line]
        why = said[-1].strip()[:300] if said else "its log says nothing of DCGM, which reads them"
        return (
            f"Triton's metrics have no nv_gpu_* of any GPU ({why}): the container lacks the GPU or the driver's "
            f"`utility` capability: NVIDIA_DRIVER_CAPABILITIES=compute,utility; {CONFIGURE}"
        )
    for uuid, values in gpus.items():
        lacking = [name for name in METRICS if name not in values]
        if lacking or not values["nv_gpu_memory_total_bytes"]:
            return (
                f"Triton's metrics of GPU {uuid} are incomplete: {', '.join(lacking) or 'its memory is 0'}: "
                "`nvidia-smi -q -i 0` on the machine says whether the GPU still answers"
            )
    return ""


def collected(log: str) -> list[str]:
    """Return the names of the GPUs whose metrics the server's log says that it collects."""
    return re.findall(r"Collecting metrics for GPU \d+: ([^\"\n]+)", log)


def not_collected(log: str) -> str:
    if collected(log):
        return ""
    said = [line.strip()[:300] for line in log.splitlines() if "CUDA" in line or "GPU" in line][:5]
    if any(words in log for words in OLD_DRIVER):
        return (
            f"the NVIDIA driver is too old for this Triton's CUDA, so it uses no GPU ({said}): install a newer driver, "
            f"{DRIVERS}, or name an older Triton with --images FILE"
        )
    return (
        "Triton's log has no `Collecting metrics for GPU`: it saw no GPU when it started; "
        f"of CUDA and GPUs it said {said or 'nothing'}; {CONFIGURE}"
    )


def wrong_group(config: Mapping[str, Any]) -> str:
    """Say that an instance group of the model's configuration is not on the GPU."""
    groups: Sequence[Mapping[str, Any]] = config.get("instance_group", [])
    wrong = [f"{group.get('name')} is {group.get('kind')}" for group in groups if group.get("kind") != "KIND_GPU"]
    if groups and not wrong:
        return ""
    return (
        f"the model's instance group is not on the GPU ({', '.join(wrong) or 'it has none'}): the server took another "
        "configuration than the suite's; look at config.pbtxt in its model repository"
    )


def instances(log: str, model: str) -> list[str]:
    """Return where the backend says that it made the model's instances: `GPU device 0`."""
    return re.findall(rf"TRITONBACKEND_ModelInstanceInitialize: {re.escape(model)}\S* \((\w+ device \d+)\)", log)


def wrong_instance(log: str, model: str) -> str:
    made = instances(log, model)
    wrong = [place for place in made if not place.startswith("GPU")]
    if made and not wrong:
        return ""
    return (
        f"Triton's log says that {model}'s instances are on {', '.join(made) or 'no device at all'}, not on the GPU: "
        "look at its instance_group, and whether the server found a GPU when it started"
    )


def providers(log: str, model: str) -> list[str]:
    """Return the execution providers that ONNX Runtime reported to the Python backend's model."""
    return re.findall(rf"{re.escape(model)}: ONNX Runtime \S+ on (\w+)", log)


def wrong_provider(config: Mapping[str, Any], log: str) -> str:
    """Say that ONNX Runtime does not compute on the GPU.

    With Triton's own backend an instance on the GPU is one with the CUDA provider, else it fails to load. With the
    Python backend the instance's kind is a mere word: there the provider in the log is the proof.
    """
    model = str(config["name"])
    if config.get("backend") != "python":
        return wrong_instance(log, model)
    found = providers(log, model)
    if found and set(found) == {CUDA}:
        return ""
    return f"ONNX Runtime reports {', '.join(found) or 'no provider'} for {model}, not {CUDA}: {REBUILD}"
