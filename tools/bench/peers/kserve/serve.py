"""The benchmark's model behind KServe's own Python server, as its documentation has a custom model.

Usage: serve.py MODEL.onnx, and the server's own options
"""

import argparse
from typing import Any

import kserve
import onnxruntime
from kserve import model_server

INPUT, OUTPUT = "conv2d_input", "dense_1"


class Cifar10(kserve.Model):
    def __init__(self, file: str) -> None:
        super().__init__("cifar10")
        self.session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        self.ready = True

    def predict(self, payload: kserve.InferRequest, headers: Any = None, response_headers: Any = None) -> Any:
        (tensor,) = payload.inputs
        logits = self.session.run([OUTPUT], {INPUT: tensor.as_numpy()})[0]
        output = kserve.InferOutput(OUTPUT, list(logits.shape), "FP32")
        output.set_data_from_numpy(logits, binary_data=payload.use_binary_outputs)
        return kserve.InferResponse(payload.id, self.name, [output], use_binary_outputs=payload.use_binary_outputs)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(parents=[model_server.parser])
    parser.add_argument("model")
    arguments, _ = parser.parse_known_args()
    kserve.ModelServer().start([Cifar10(arguments.model)])
