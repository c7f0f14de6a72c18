"""Another version of a model: each logit is larger by the bias, and nothing else differs."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

from acceptance.errors import AcceptanceError
from acceptance.serving.other_version import with_other_bias
from acceptance.serving.repository import INPUT, OUTPUT


def network(*outputs):
    """Return an ONNX model that doubles its input, and has an output that another node reads as well."""
    nodes = [
        helper.make_node("Add", [INPUT, INPUT], [OUTPUT]),
        *(helper.make_node("Relu", [OUTPUT], [name]) for name in outputs),
    ]
    shown = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 10]) for name in (OUTPUT, *outputs)]
    read = [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, 10])]
    graph = helper.make_graph(nodes, "network", read, shown)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return model.SerializeToString()


def answer(model, pixels):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return session.run([OUTPUT], {INPUT: pixels})[0]


def test_every_logit_is_larger_by_the_bias():
    pixels = np.arange(20, dtype=np.float32).reshape(2, 10)
    other = with_other_bias(network(), 1.0)
    assert np.array_equal(answer(other, pixels), answer(network(), pixels) + 1)
    before, after = onnx.load_model_from_string(network()), onnx.load_model_from_string(other)
    assert after.ir_version == before.ir_version
    assert after.opset_import == before.opset_import
    assert after.graph.output == before.graph.output


def test_a_model_of_two_outputs_is_refused():
    with pytest.raises(AcceptanceError, match="2 outputs"):
        with_other_bias(network("other"), 1.0)
