"""Whether this Python's ONNX Runtime can use a GPU: else that is found out after the training on the CPU."""

import sys

from acceptance.commands import run_command
from acceptance.errors import Problem
from acceptance.gpu.nvidia_smi import Gpu

# in a process of its own: pytest's would keep the library for the whole run
ASK = "import onnxruntime as ort; print('CUDAExecutionProvider' in ort.get_available_providers(), ort.__version__)"
SECONDS = 25


def without_cuda(gpu: Gpu) -> Problem | None:
    """Say that ONNX Runtime is built without CUDA, as `make setup` alone has it; None where it can't be asked."""
    said = run_command([sys.executable, "-c", ASK], SECONDS).output.split()
    if said[:1] != ["False"]:
        return None
    return Problem(
        f"{gpu.name} is here, and ONNX Runtime {said[1]} is built without CUDA",
        "`make setup GPU=1`, or hide the GPU with CUDA_VISIBLE_DEVICES=-1: what needs one is skipped then",
    )
