"""How new a model a server's ONNX Runtime takes, and that one which is newer is refused with both versions."""

import subprocess
import sys

import onnx
import pytest

from acceptance.errors import AcceptanceError
from acceptance.serving import onnx_limits
from acceptance.serving.onnx_versions import (
    OnnxVersions,
    ask_this_python,
    model_versions,
    read_answer,
    refuse_too_new,
    variables,
)
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun

MODEL = OnnxVersions(8, 17)


def test_the_onnx_runtime_of_this_python_is_asked_in_a_process_as_in_a_container():
    here = ask_this_python()
    assert here
    assert here.ir >= MODEL.ir
    assert here.opset >= MODEL.opset
    program = variables("python")["PROGRAM"]
    said = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True, timeout=60)
    assert read_answer(said.stdout) == here


def test_what_the_pinned_onnx_makes_is_of_its_own_release():
    assert read_answer(f"ONNX {onnx.__version__}") == OnnxVersions(onnx.IR_VERSION, onnx.defs.onnx_opset_version())


@pytest.mark.parametrize(
    ("said", "versions"),
    [
        ("IR version 11, opset 23\n", OnnxVersions(11, 23)),
        ("ONNX 1.12.0", OnnxVersions(8, 17)),
        # a patch that is newer than this machine's ONNX
        ("ONNX 1.16.9", OnnxVersions(10, 21)),
        ("ONNX 9.9.0", None),
        ("ONNX cat: can't open it", None),
        ("ModuleNotFoundError: No module named 'onnxruntime'", None),
        ("", None),
    ],
)
def test_an_answer_is_two_numbers_a_release_of_onnx_or_nothing(said, versions):
    assert read_answer(said) == versions


def test_an_onnx_runtime_that_refuses_nothing_or_in_other_words_tells_nothing():
    with pytest.raises(ValueError, match="loads a model"):
        onnx_limits.limits(lambda model: None)

    def refuse(model: bytes) -> None:
        raise RuntimeError("no such format")

    with pytest.raises(RuntimeError, match="no such format"):
        onnx_limits.limits(refuse)


@pytest.mark.parametrize("server", [OnnxVersions(7, 17), OnnxVersions(8, 16), OnnxVersions(3, 1)])
def test_a_model_that_is_newer_in_either_is_refused_with_both(server):
    with pytest.raises(AcceptanceError) as raised:
        refuse_too_new(MODEL, server)
    assert str(MODEL) in str(raised.value)
    assert str(server) in str(raised.value)
    assert "--images FILE" in str(raised.value)


@pytest.mark.parametrize(
    ("model", "server"), [(MODEL, MODEL), (MODEL, OnnxVersions(11, 23)), (MODEL, None), (None, MODEL)]
)
def test_one_that_is_as_old_or_not_known_is_not_refused(model, server):
    refuse_too_new(model, server)


@pytest.mark.parametrize(
    ("parameters", "versions"),
    [
        ({"onnx_ir_version": "8", "onnx_opset": "17"}, MODEL),
        ({"onnx_opset": "17"}, None),
        ({"onnx_ir_version": "new", "onnx_opset": "17"}, None),
    ],
)
def test_a_models_versions_are_the_trainers(parameters, versions):
    run = TrainingRun("", "0", "cpu-quick-1", "FINISHED", Recipe("cpu", "quick", 2), parameters, {})
    assert model_versions(run) == versions
