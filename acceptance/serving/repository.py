"""Triton's model repository, built from an ONNX file: `<name>/config.pbtxt` and `<name>/1/`."""

import shutil
import site
from pathlib import Path

from acceptance.errors import AcceptanceError

MODEL = "cifar10"
INPUT, OUTPUT = "conv2d_input", "dense_1"
CLASSES = 10
CONFIG = "config.pbtxt"
MODEL_FILE = "model.onnx"
LARGEST_BATCH = 64
GPU_INSTANCES = 2
PYTHON_MODEL = Path(__file__).with_name("python_backend") / "model.py"


def build_repository(
    directory: Path, model: Path, device: str, backend: str = "python", site_packages: str = ""
) -> Path:
    """Write the repository for the ONNX model folder that MLflow gave; return the repository's path.

    `site_packages`: where the server finds ONNX Runtime for Python, this Python's own by default.
    """
    source = model / MODEL_FILE
    if not source.is_file():
        raise AcceptanceError(f"{model}: holds no {MODEL_FILE}, only {sorted(item.name for item in model.iterdir())}")
    version = directory / MODEL / "1"
    version.mkdir(parents=True)
    shutil.copy(source, version / MODEL_FILE)
    site_packages = site_packages or by_ascii_name(site.getsitepackages()[0], version)
    for name, text in configuration(device, backend, site_packages).items():
        folder = directory / MODEL if name == CONFIG else version
        (folder / name).write_text(text, encoding="utf-8", errors="surrogateescape")
    return directory


def by_ascii_name(packages: str, version: Path) -> str:
    """Return a link to the packages' folder, beside the model.

    Triton's stub takes all text for ASCII, and Python 3.12 loads no library by another name. The run directory's name
    is ASCII.
    """
    link = version.absolute() / "packages"
    link.symlink_to(packages)
    return str(link)


def configuration(device: str, backend: str, site_packages: str) -> dict[str, str]:
    """Return what goes beside the ONNX file: the configuration, and what only the Python backend reads."""
    return {
        CONFIG: config(device, backend),
        "model.py": PYTHON_MODEL.read_text(encoding="utf-8"),
        "site-packages.txt": site_packages,
    }


def config(device: str, backend: str = "python") -> str:
    """Return `config.pbtxt`: explicit tensors, version policy and instance group, batching, a warm-up.

    On a GPU requests are not put together: since 1.20 ONNX Runtime prepares each convolution anew whenever a batch has
    another size than the one before (its issue 23006). On an H200 that took 70 ms a batch, and the GPU stood still.
    Two instances take what one would have batched.
    """
    from google.protobuf import text_format
    from tritonclient.grpc import model_config_pb2 as triton

    shape = [32, 32, 3]
    group = triton.ModelInstanceGroup(count=1, kind=triton.ModelInstanceGroup.KIND_CPU)
    batching, warm_ups = triton.ModelDynamicBatching(), [1, 8]
    if device == "gpu":
        group = triton.ModelInstanceGroup(count=GPU_INSTANCES, kind=triton.ModelInstanceGroup.KIND_GPU, gpus=[0])
        batching, warm_ups = None, [1]
    model = triton.ModelConfig(
        name=MODEL,
        backend=backend,
        version_policy=triton.ModelVersionPolicy(latest=triton.ModelVersionPolicy.Latest(num_versions=1)),
        max_batch_size=LARGEST_BATCH,
        input=[triton.ModelInput(name=INPUT, data_type=triton.TYPE_FP32, dims=shape)],
        output=[triton.ModelOutput(name=OUTPUT, data_type=triton.TYPE_FP32, dims=[CLASSES])],
        instance_group=[group],
        dynamic_batching=batching,
        model_warmup=[warm_up(triton, shape, batch_size) for batch_size in warm_ups],
    )
    if backend == "onnxruntime":  # one thread, as the Python backend has it: more only fight over the cores
        for threads in ("intra_op_thread_count", "inter_op_thread_count"):
            model.parameters[threads].string_value = "1"
    return text_format.MessageToString(model)


def warm_up(triton, shape: list[int], batch_size: int):
    request = triton.ModelWarmup(name=f"batch of {batch_size}", batch_size=batch_size, count=20)
    request.inputs[INPUT].CopyFrom(triton.ModelWarmup.Input(data_type=triton.TYPE_FP32, dims=shape, random_data=True))
    return request
