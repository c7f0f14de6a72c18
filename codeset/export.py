"""Log the Keras model and its ONNX export, with the tutorial's tensor names, to the active MLflow run."""

import hashlib

import keras
import mlflow
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx

import network
import tracked

OPSET = 17


def log_models(model: keras.Model, example: np.ndarray) -> None:
    """Log `keras` and `onnx`, each with the signature [-1, 32, 32, 3] FP32 -> [-1, 10] FP32."""
    pixels = example.astype(np.float32) / 255.0
    signature = mlflow.models.infer_signature(
        {network.INPUT: pixels}, {network.OUTPUT: model.predict(pixels, verbose=0)}
    )
    pins = [f"{package.__name__}=={package.__version__}" for package in (tf, keras, np)]
    tracked.log_model(mlflow.keras, model, "keras", signature=signature, pip_requirements=pins)
    exported = to_onnx(model)
    log_format(exported)
    tracked.log_model(
        mlflow.onnx,
        exported,
        "onnx",
        signature=signature,
        pip_requirements=["onnx", "onnxruntime", f"numpy=={np.__version__}"],
        save_as_external_data=False,  # one file, which any server's repository can take
    )


def log_format(exported: onnx.ModelProto) -> None:
    """Log how new an ONNX Runtime the model needs, and the SHA-256 of its file, by which it is known again."""
    sha256 = hashlib.sha256(exported.SerializeToString()).hexdigest()
    print(f"SHA-256 of the ONNX model: {sha256}", flush=True)
    (opset,) = [one.version for one in exported.opset_import if one.domain in ("", "ai.onnx")]
    mlflow.log_params({"onnx_sha256": sha256, "onnx_ir_version": exported.ir_version, "onnx_opset": opset})


def to_onnx(model: keras.Model) -> onnx.ModelProto:
    """Return the ONNX model; the input is `conv2d_input`, the output `dense_1`."""
    spec = tf.TensorSpec([None, 32, 32, 3], tf.float32, name=network.INPUT)
    function = tf.function(lambda pixels: model(pixels, training=False), input_signature=[spec])
    proto, _ = tf2onnx.convert.from_function(function, input_signature=[spec], opset=OPSET)
    rename_output(proto.graph, network.OUTPUT)
    onnx.checker.check_model(proto)
    return proto


def rename_output(graph: onnx.GraphProto, name: str) -> None:
    """Give the graph's one output the name, in the node that makes it as well."""
    (output,) = graph.output
    for node in graph.node:
        node.output[:] = [name if made == output.name else made for made in node.output]
        node.input[:] = [name if used == output.name else used for used in node.input]
    output.name = name
