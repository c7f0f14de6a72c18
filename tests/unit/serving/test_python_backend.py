"""Triton's Python backend of the model, on stand-ins of ONNX Runtime and of Triton's own module."""

import importlib.util
import re
import sys
from types import SimpleNamespace
from unittest.mock import MagicMock, Mock

import pytest

from acceptance.serving import triton_gpu
from acceptance.serving.repository import PYTHON_MODEL

CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"


class TritonModelException(Exception):
    pass


@pytest.fixture
def backend(tmp_path, monkeypatch):
    """Load model.py as Triton would: its ONNX Runtime lists these providers, and a session runs on that one."""

    def load(available, used):
        session = MagicMock()
        session.get_providers.return_value = [used]
        runtime = Mock(__version__="1.23.2")
        runtime.SessionOptions = SimpleNamespace
        runtime.get_available_providers.return_value = available
        runtime.InferenceSession.return_value = session
        triton = Mock(TritonModelException=TritonModelException)
        monkeypatch.setitem(sys.modules, "onnxruntime", runtime)
        monkeypatch.setitem(sys.modules, "triton_python_backend_utils", triton)
        monkeypatch.setattr(sys, "path", list(sys.path))  # it adds a folder
        (tmp_path / "site-packages.txt").write_text(str(tmp_path))
        file = tmp_path / "model.py"
        file.write_text(PYTHON_MODEL.read_text())
        spec = importlib.util.spec_from_file_location("model_of_the_backend", file)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.TritonPythonModel(), runtime, triton

    return load


def asked(kind):
    return {"model_name": "cifar10", "model_instance_kind": kind, "model_instance_device_id": "0"}


def test_on_the_gpu_the_session_is_made_on_cuda_after_its_libraries(backend):
    model, runtime, triton = backend([CUDA, CPU], CUDA)
    model.initialize(asked("GPU"))
    calls = [name for name, _, _ in runtime.mock_calls]
    assert calls.index("preload_dlls") < calls.index("InferenceSession")
    assert runtime.InferenceSession.call_args.kwargs["providers"] == [(CUDA, {"device_id": "0"})]
    (line,) = triton.Logger.log_info.call_args.args
    assert triton_gpu.providers(line, "cifar10") == [CUDA]


def test_without_cuda_it_fails_with_the_fix_that_the_scenario_names(backend):
    model, runtime, _ = backend([CPU], CPU)
    with pytest.raises(TritonModelException, match=f"and no {CUDA}: `make setup GPU=1`") as failure:
        model.initialize(asked("GPU"))
    (build,) = re.findall(r'BUILD_ARGS="[^"]+"', triton_gpu.REBUILD)
    assert build in str(failure.value)
    runtime.InferenceSession.assert_not_called()


def test_falling_back_to_the_cpu_is_a_failure(backend):
    model, _, triton = backend([CUDA, CPU], CPU)
    with pytest.raises(TritonModelException, match=f"runs on {CPU} instead of {CUDA}"):
        model.initialize(asked("GPU"))
    triton.Logger.log_info.assert_not_called()


def test_on_the_cpu_it_takes_one_thread_and_loads_nothing_of_cuda(backend):
    model, runtime, _ = backend([CUDA, CPU], CPU)
    model.initialize(asked("CPU"))
    options = runtime.InferenceSession.call_args.args[1]
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)
    assert runtime.InferenceSession.call_args.kwargs["providers"] == [(CPU, {})]
    runtime.preload_dlls.assert_not_called()
