"""Says how new an ONNX model may be for the ONNX Runtime that this Python has: `IR version 11, opset 23`.

It is run by itself, with the Python of a server's image, and so imports nothing of the suite.
"""

import re
from collections.abc import Callable

# an IR version and an opset that no release has
NOBODYS = 127
GRAPH = b"\x3a\x03\x12\x01g"
# models of protobuf's bytes: the IR version is field 1, the graph 7, the opset 8
NEWEST_IR = bytes([0x08, NOBODYS]) + GRAPH + bytes([0x42, 0x02, 0x10, 13])
NEWEST_OPSET = bytes([0x08, 0x08]) + GRAPH + bytes([0x42, 0x02, 0x10, NOBODYS])


def limits(load: Callable[[bytes], object]) -> str:
    """Return what ONNX Runtime names as its newest where it refuses a model of each kind; `load` gives it a model."""
    ir = refused(load, NEWEST_IR, r"max supported IR version: (\d+)")
    opset = refused(load, NEWEST_OPSET, r"domain ai\.onnx is till opset (\d+)")
    return f"IR version {ir}, opset {opset}"


def refused(load: Callable[[bytes], object], model: bytes, words: str) -> str:
    try:
        load(model)
    except Exception as error:  # its classes have no common one of their own
        if found := re.search(words, str(error)):
            return found[1]
        raise
    raise ValueError(f"ONNX Runtime loads a model of IR version or opset {NOBODYS}")


if __name__ == "__main__":
    import onnxruntime

    print(limits(onnxruntime.InferenceSession))
