"""A linear classifier as an ONNX model."""

import numpy as np
import onnx
from onnx import helper, numpy_helper

INPUT, OUTPUT = "conv2d_input", "dense_1"
CLASSES = 10
# which ONNX Runtime reads, and that of its operators
IR_VERSION, OPSET = 8, 17


def to_onnx(weights: np.ndarray) -> onnx.ModelProto:
    """Return the model of weights [3073, 10] for images [N, 32, 32, 3]; the last row is added to the others' sum."""
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", [INPUT], ["rows"]),
            helper.make_node("Gemm", ["rows", "weights", "bias"], [OUTPUT]),
        ],
        "linear",
        [helper.make_tensor_value_info(INPUT, onnx.TensorProto.FLOAT, ["images", 32, 32, 3])],
        [helper.make_tensor_value_info(OUTPUT, onnx.TensorProto.FLOAT, ["images", CLASSES])],
        [numpy_helper.from_array(weights[:-1], "weights"), numpy_helper.from_array(weights[-1], "bias")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    return model
