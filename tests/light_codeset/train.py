"""Train a linear classifier in a second, and log it as the codeset logs its network: for runs about something else.

TensorFlow isn't imported; the tensors' names, the metrics and what is logged are the codeset's.
"""

import argparse
import hashlib
import tempfile
import time
from pathlib import Path

import mlflow
import numpy as np

import data
import tracked
from linear import CLASSES, INPUT, OUTPUT, to_onnx

# how much the weights are kept small: the least squares alone would fit every image that they see
RIDGE = 10.0
REFERENCE_IMAGES = 2000


def main() -> None:
    arguments = parse()
    training, held_out = data.read_dataset(arguments.data)
    with mlflow.start_run(tags=tracked.context_tags()) as run:
        logged = mlflow.get_run(run.info.run_id).data.params
        given = {name: value for name, value in vars(arguments).items() if name not in logged}
        mlflow.log_params({**given, "devices": "CPU", "data_digest": data.digest(training, held_out)})
        weights = np.zeros((0, CLASSES))
        for epoch in range(1, arguments.epochs + 1):
            started = time.monotonic()
            # of each class as much as of the others: the batches' images are in random order
            weights = fit(training, -(-len(training.labels) * epoch // arguments.epochs))
            log_epoch(weights, training, held_out, epoch, time.monotonic() - started)
        log_reference(weights, held_out)
        log_model(weights, held_out.images[:1])


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    for name, default in (("--epochs", 10), ("--batch-size", 32), ("--seed", 1)):
        parser.add_argument(name, type=int, default=default)
    parser.add_argument("--profile", default="tutorial")
    return parser.parse_args()


def features(images: np.ndarray) -> np.ndarray:
    """Return images [N, 32, 32, 3] uint8 as rows from 0 to 1, with a 1 at the end: [N, 3073]."""
    rows = images.reshape(len(images), -1) / 255.0
    return np.concatenate([rows, np.ones((len(images), 1))], axis=1)


def fit(split: data.Split, count: int) -> np.ndarray:
    """Return the ridge regression's weights [3073, 10] for the first images; solved for the images, who are fewer."""
    rows, wanted = features(split.images[:count]), np.eye(CLASSES)[split.labels[:count]]
    return rows.T @ np.linalg.solve(rows @ rows.T + RIDGE * np.eye(len(rows)), wanted)


def log_epoch(weights: np.ndarray, training: data.Split, held_out: data.Split, epoch: int, seconds: float) -> None:
    metrics = {"epoch_seconds": seconds}
    for prefix, split in (("", training), ("val_", held_out)):
        logits = features(split.images) @ weights
        metrics[f"{prefix}accuracy"] = float((logits.argmax(axis=1) == split.labels).mean())
        metrics[f"{prefix}loss"] = float(((logits - np.eye(CLASSES)[split.labels]) ** 2).mean())
    mlflow.log_metrics(metrics, step=epoch)
    print(f"epoch {epoch}: held out {metrics['val_accuracy']:.3f}", flush=True)


def log_reference(weights: np.ndarray, held_out: data.Split) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "held_out_logits.npy"
        np.save(file, (features(held_out.images[:REFERENCE_IMAGES]) @ weights).astype(np.float32))
        mlflow.log_artifact(str(file), "reference")


def log_model(weights: np.ndarray, example: np.ndarray) -> None:
    """Log `onnx`, with the signature [-1, 32, 32, 3] FP32 -> [-1, 10] FP32."""
    pixels = example.astype(np.float32) / 255.0
    logits = (features(example) @ weights).astype(np.float32)
    exported = to_onnx(weights.astype(np.float32))
    sha256, opset = hashlib.sha256(exported.SerializeToString()).hexdigest(), exported.opset_import[0].version
    mlflow.log_params({"onnx_sha256": sha256, "onnx_ir_version": exported.ir_version, "onnx_opset": opset})
    tracked.log_model(
        mlflow.onnx,
        exported,
        "onnx",
        signature=mlflow.models.infer_signature({INPUT: pixels}, {OUTPUT: logits}),
        pip_requirements=["onnx", "onnxruntime"],
        save_as_external_data=False,
    )


if __name__ == "__main__":
    main()
