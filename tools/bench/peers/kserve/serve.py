"""The benchmark's model behind KServe's own Python server, as its documentation has a custom model.

Usage: serve.py MODEL.onnx, and the server's own options
"""

import argparse
import uuid
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
        # as the request asks for it, or in JSON
        output.set_data_from_numpy(logits, binary_data=bool(payload.request_outputs))
        named = payload.id or str(uuid.uuid4())
        return kserve.InferResponse(named, self.name, [output], requested_outputs=payload.request_outputs)


class LocalServer(model_server.RESTServer):
    """The server on 127.0.0.1 alone: it has no option for that."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.config.host = "127.0.0.1"


if __name__ == "__main__":
    model_server.RESTServer = LocalServer
    parser = argparse.ArgumentParser(parents=[model_server.parser])
    parser.add_argument("model")
    arguments, _ = parser.parse_known_args()
    kserve.ModelServer().start([Cifar10(arguments.model)])
