"""Whether Triton computes on the GPU, by its metrics, its log and its model's configuration."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from acceptance.errors import AcceptanceError, Problem
from acceptance.gpu.node import CONFIGURE_RUNTIME
from acceptance.gpu.nvidia_smi import DRIVERS
from acceptance.serving.inference import read_metrics
from acceptance.waiting import Ready, wait_until

# CUDA's words for a driver that doesn't run it
OLD_DRIVER = ("driver version is insufficient", "unsupported display driver", "forward compatibility was attempted")

# every GPU metric has the GPU's UUID as its label; memory is what no metric of the CPU can be taken for
METRICS = ("nv_gpu_utilization", "nv_gpu_memory_total_bytes", "nv_gpu_memory_used_bytes")
REBUILD = (
    "the Triton image's ONNX Runtime needs CUDA: the stock image, or `make images "
    'BUILD_ARGS="--build-arg ONNXRUNTIME=onnxruntime-gpu[cuda,cudnn]==1.23.2"`; on this machine `make setup GPU=1`'
)
CUDA = "CUDAExecutionProvider"
# Triton reads its GPUs every 2 s
METRICS_SECONDS = 8


def gpu_metrics(text: str) -> dict[str, dict[str, float]]:
    """Return each GPU's metrics by its UUID, from the server's metrics in Prometheus' text format."""
    found: dict[str, dict[str, float]] = {}
    for name, uuid, value in re.findall(r'^(nv_gpu_\w+)\{gpu_uuid="([^"]+)"\} (\S+)$', text, re.MULTILINE):
        found.setdefault(uuid, {})[name] = float(value)
    return found


def missing_metrics(text: str, log: str) -> Problem | None:
    """Say which of the GPU's metrics are not there, with the server's reason; its first values take 2 s."""
    gpus = gpu_metrics(text)
    if not gpus:
        lines = [line for line in log.splitlines() if "DCGM" in line or "GPU metrics will not be" in line]
        why = lines[-1].strip()[:300] if lines else "its log says nothing of DCGM, which reads them"
        return Problem(
            f"Triton's metrics have no nv_gpu_* of any GPU ({why}): the container lacks the GPU or the driver's "
            "`utility` capability",
            f"NVIDIA_DRIVER_CAPABILITIES=compute,utility; {CONFIGURE_RUNTIME}",
        )
    for uuid, values in gpus.items():
        lacking = [name for name in METRICS if name not in values]
        if lacking or not values["nv_gpu_memory_total_bytes"]:
            return Problem(
                f"Triton's metrics of GPU {uuid} are incomplete: {', '.join(lacking) or 'its memory is 0'}",
                "`nvidia-smi -q -i 0` on the machine says whether the GPU still answers",
            )
    return None


def wait_for_metrics(metrics: str, log: str, seconds: float = METRICS_SECONDS) -> dict[str, dict[str, float]]:
    """Return each GPU's metrics by its UUID, once the server at `metrics` (`host:port`) has them all."""

    def state() -> Ready[dict[str, dict[str, float]]] | str:
        try:
            text = read_metrics(metrics)
        except AcceptanceError as error:
            return str(error)
        problem = missing_metrics(text, log)
        return str(problem) if problem else Ready(gpu_metrics(text))

    return wait_until("Triton's metrics to show the GPU", state, seconds)


def collected(log: str) -> list[str]:
    """Return the names of the GPUs whose metrics the server's log says that it collects."""
    return re.findall(r"Collecting metrics for GPU \d+: ([^\"\n]+)", log)


def not_collected(log: str) -> Problem | None:
    """Say why the server collects the metrics of no GPU."""
    if collected(log):
        return None
    lines = [line.strip()[:300] for line in log.splitlines() if "CUDA" in line or "GPU" in line][:5]
    if any(words in log for words in OLD_DRIVER):
        return Problem(
            f"the NVIDIA driver is too old for this Triton's CUDA, so it uses no GPU ({lines})",
            f"install a newer driver, {DRIVERS}, or name an older Triton with --images FILE",
        )
    return Problem(
        "Triton's log has no `Collecting metrics for GPU`: it saw no GPU when it started; "
        f"of CUDA and GPUs it said {lines or 'nothing'}",
        CONFIGURE_RUNTIME,
    )


def group_not_on_gpu(config: Mapping[str, Any]) -> Problem | None:
    """Say that an instance group of the model's configuration is not on the GPU."""
    groups: Sequence[Mapping[str, Any]] = config.get("instance_group", [])
    wrong = [f"{group.get('name')} is {group.get('kind')}" for group in groups if group.get("kind") != "KIND_GPU"]
    if groups and not wrong:
        return None
    return Problem(
        f"the model's instance group is not on the GPU ({', '.join(wrong) or 'it has none'}): the server took another "
        "configuration than the suite's",
        "look at config.pbtxt in its model repository",
    )


def instances(log: str, model: str) -> list[str]:
    """Return where the backend says that it made the model's instances: `GPU device 0`."""
    return re.findall(rf"TRITONBACKEND_ModelInstanceInitialize: {re.escape(model)}\S* \((\w+ device \d+)\)", log)


def instance_not_on_gpu(log: str, model: str) -> Problem | None:
    made = instances(log, model)
    wrong = [place for place in made if not place.startswith("GPU")]
    if made and not wrong:
        return None
    return Problem(
        f"Triton's log says that {model}'s instances are on {', '.join(made) or 'no device at all'}, not on the GPU",
        "look at its instance_group, and whether the server found a GPU when it started",
    )


def providers(log: str, model: str) -> list[str]:
    """Return the execution providers that ONNX Runtime reported to the Python backend's model."""
    return re.findall(rf"{re.escape(model)}: ONNX Runtime \S+ on (\w+)", log)


def provider_not_cuda(config: Mapping[str, Any], log: str) -> Problem | None:
    """Say that ONNX Runtime does not compute on the GPU.

    With Triton's own backend an instance on the GPU is one with the CUDA provider, else it fails to load. With the
    Python backend the instance's kind is a mere word: there the provider in the log is the proof.
    """
    model = str(config["name"])
    if config.get("backend") != "python":
        return instance_not_on_gpu(log, model)
    found = providers(log, model)
    if found and set(found) == {CUDA}:
        return None
    return Problem(f"ONNX Runtime reports {', '.join(found) or 'no provider'} for {model}, not {CUDA}", REBUILD)
