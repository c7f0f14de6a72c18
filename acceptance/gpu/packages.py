"""Whether this Python's packages can use a GPU, tried: else that is found out after the training on the CPU."""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from acceptance.commands import CommandResult, run_program
from acceptance.environment import Kind, environment_of
from acceptance.errors import Problem
from acceptance.gpu.nvidia_smi import Gpu

# TensorFlow's import takes some seconds; what hangs in a driver is left, and fails its scenario
SECONDS = 25
ASK = """
import json, onnxruntime, tensorflow
print(json.dumps({
    "onnxruntime": onnxruntime.__version__,
    "cuda": "CUDAExecutionProvider" in onnxruntime.get_available_providers(),
    "tensorflow": tensorflow.__version__,
    "gpus": len(tensorflow.config.list_physical_devices("GPU")),
}))
"""
FIX = "`make setup GPU=1`, or hide the GPU with CUDA_VISIBLE_DEVICES=-1: what needs one is skipped then"


def without_cuda(gpu: Gpu, variables: Mapping[str, str]) -> list[Problem]:
    """Return which packages can't use the GPU, none where they can't be asked; `variables`: what a trainer gets."""
    said = ask(variables)
    if not isinstance(said, dict):
        return []
    found = []
    if not said["cuda"]:
        found.append(Problem(f"ONNX Runtime {said['onnxruntime']} is built without CUDA, and {gpu.name} is here", FIX))
    if not said["gpus"]:
        found.append(Problem(f"TensorFlow {said['tensorflow']} lists no GPU, and {gpu.name} is here", FIX))
    return found


def ask(variables: Mapping[str, str]) -> object:
    """Return what the packages say, as the trainer and Triton will start them: with a home of their own."""
    with tempfile.TemporaryDirectory(prefix="triton-acceptance-check-") as folder:
        for name in ("home", "tmp"):
            (Path(folder) / name).mkdir()
        environment = {**environment_of(Kind.OWN, Path(folder)), **variables}
        ended = run_program([sys.executable, "-P", "-c", ASK], SECONDS, environment)
    return CommandResult(ended.code, ended.stdout).json()
