"""Triton's Python backend of the model, in a process like its stub's: with made-up ONNX Runtime and Triton modules."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from acceptance.serving import gpu_evidence
from acceptance.serving.repository import PYTHON_MODEL, by_ascii_name

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"

# both say what was asked of them in lines of JSON
RUNTIME = """
import json, os
__version__ = "1.23.2"

class SessionOptions:
    pass

def get_available_providers():
    return os.environ["AVAILABLE"].split(",")

def preload_dlls():
    print(json.dumps(["preload_dlls"]))

class Tensor:
    def __init__(self, name):
        self.name = name

class InferenceSession:
    def __init__(self, file, options, providers):
        print(json.dumps(["session", str(file), vars(options), providers]))

    def get_providers(self):
        return [os.environ["USED"], "CPUExecutionProvider"]

    def get_inputs(self):
        return [Tensor("pixels")]

    def get_outputs(self):
        return [Tensor("logits")]

    def run(self, outputs, inputs):
        (pixels,) = inputs.values()
        print(json.dumps(["run", outputs, list(inputs), len(pixels)]))
        return [pixels * 10]
"""
TRITON = """
import json

class TritonModelException(Exception):
    pass

class Logger:
    @staticmethod
    def log_info(text):
        print(json.dumps(["log", text]))

class Tensor:
    def __init__(self, name, values):
        self.name, self.values = name, values

    def as_numpy(self):
        return self.values

class InferenceResponse:
    def __init__(self, tensors):
        self.tensors = tensors

def get_input_tensor_by_name(request, name):
    return next(tensor for tensor in request if tensor.name == name)
"""
# asks for a device, then for an answer to each of these requests of so many images at once
STUB = """
import json, sys
import triton_python_backend_utils as pb_utils
from model import TritonPythonModel
import numpy as np
device, sizes = json.loads(sys.argv[1])
model = TritonPythonModel()
model.initialize({"model_name": "cifar10", "model_instance_kind": device, "model_instance_device_id": "0"})
starts = np.cumsum([0, *sizes])
requests = [
    [pb_utils.Tensor("pixels", np.arange(start, start + size, dtype=np.float32)[:, None])]
    for start, size in zip(starts, sizes)
]
for response in model.execute(requests) if requests else []:
    (tensor,) = response.tensors
    print(json.dumps(["answer", tensor.name, tensor.as_numpy().tolist()]))
"""


# Triton's stub sets no locale, so its Python takes all text for ASCII
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


class Backend:
    """Loads model.py as Triton does: its packages are in a folder of that name, and site-packages.txt says where."""

    def __init__(self, folder: Path, name: str = "packages") -> None:
        self.version, packages, stub = (folder / made for made in ("1", name, "stub"))
        for made in (self.version, packages, stub):
            made.mkdir()
        (self.version / "model.py").write_text(PYTHON_MODEL.read_text())
        (self.version / "site-packages.txt").write_text(by_ascii_name(str(packages), self.version), encoding="utf-8")
        (packages / "numpy").symlink_to(Path(np.__file__).parent)
        (packages / "onnxruntime.py").write_text(RUNTIME)
        (stub / "triton_python_backend_utils.py").write_text(TRITON)
        # Triton's stub is led to the packages by the PATH as well, by their own name
        self.path = f"{stub}:{self.version}:{packages}"

    def ask(self, device, *sizes, available=(CUDA, CPU), used=CPU):
        """Return what was asked, in its order, and how it failed or ""; ONNX Runtime runs on what is `used`."""
        answer = subprocess.run(
            [sys.executable, "-S", "-c", STUB, json.dumps([device, sizes])],
            env={**ASCII, "PYTHONPATH": self.path, "AVAILABLE": ",".join(available), "USED": used},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert bool(answer.returncode) == ("TritonModelException: " in answer.stderr), answer.stderr
        return [json.loads(line) for line in answer.stdout.splitlines()], answer.stderr


@pytest.fixture
def backend(tmp_path):
    return Backend(tmp_path)


def test_on_the_gpu_the_session_is_made_on_cuda_after_its_libraries(backend):
    (preloaded, session, logged), error = backend.ask("GPU", used=CUDA)
    assert error == ""
    assert preloaded == ["preload_dlls"]
    assert session[0] == "session"
    assert session[1] == str(backend.version / "model.onnx")
    assert session[3] == [[CUDA, {"device_id": "0"}]]
    assert gpu_evidence.providers(logged[1], "cifar10") == [CUDA]


def test_without_cuda_it_fails_with_the_fix_that_the_scenario_names(backend):
    asked, error = backend.ask("GPU", available=[CPU])
    assert f"and no {CUDA}: `make setup GPU=1`" in error
    (build,) = re.findall(r'BUILD_ARGS="[^"]+"', gpu_evidence.REBUILD)
    assert build in error
    assert asked == []


def test_falling_back_to_the_cpu_is_a_failure(backend):
    asked, error = backend.ask("GPU", used=CPU)
    assert f"runs on {CPU} instead of {CUDA}" in error
    assert "log" not in [what for what, *_ in asked]


def test_on_the_cpu_it_takes_one_thread_and_loads_nothing_of_cuda(backend):
    (session, logged), error = backend.ask("CPU")
    assert error == ""
    assert session[2:] == [{"intra_op_num_threads": 1, "inter_op_num_threads": 1}, [[CPU, {}]]]
    assert gpu_evidence.providers(logged[1], "cifar10") == [CPU]


def test_requests_that_come_together_are_one_run_and_each_gets_its_own_answers(backend):
    (_, _, run, *answers), error = backend.ask("CPU", 1, 3, 2)
    assert error == ""
    assert run == ["run", ["logits"], ["pixels"], 6]
    assert answers == [
        ["answer", "logits", [[0.0]]],
        ["answer", "logits", [[10.0], [20.0], [30.0]]],
        ["answer", "logits", [[40.0], [50.0]]],
    ]


def test_its_packages_are_found_in_a_folder_of_any_name(tmp_path):
    asked, error = Backend(tmp_path, "it's über (1)").ask("CPU", 1)
    assert error == ""
    assert [words[0] for words in asked] == ["session", "log", "run", "answer"]
