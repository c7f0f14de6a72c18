"""Train the CIFAR-10 classifier and log parameters, metrics, devices, data and both models to MLflow."""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # off by default without AVX-512, where it is faster as well
os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")  # as the driver numbers GPUs, and MLflow's metrics with it

import keras
import mlflow
import numpy as np
import pynvml
import tensorflow as tf

import data
import export
import network
import tracked

REFERENCE_IMAGES = 2000
PROGRESS_SECONDS = 5
SYSTEM_METRICS_SECONDS = 2


def main() -> None:
    arguments = parse(__doc__, network.PROFILES, epochs=10, batch_size=32)
    check_device()
    keras.utils.set_random_seed(arguments.seed)
    training, held_out = data.read_dataset(arguments.data)
    steps = -(-len(training.labels) // arguments.batch_size)
    with tracked_run():
        log_parameters(arguments, training, held_out)
        time_taken = TrainingTime()
        model = network.build(arguments.profile, steps * arguments.epochs, training.images)
        model.fit(
            batches(training, arguments.batch_size, shuffle=True),
            validation_data=batches(held_out, 500),
            epochs=arguments.epochs,
            verbose=0,
            callbacks=[TrackedProgress(arguments.epochs, steps), time_taken],
        )
        log_reference(model, held_out)
        export.log_models(model, held_out.images[:1])


def parse(description: str, profiles: tuple[str, ...], epochs: int, batch_size: int) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True, help="the standard cifar-10-batches-py folder")
    parser.add_argument("--epochs", type=positive, default=epochs)
    parser.add_argument("--batch-size", type=positive, default=batch_size)
    parser.add_argument("--profile", choices=profiles, default=profiles[0])
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return int(text)


def check_device() -> None:
    """End at once where a GPU was demanded and there is none: on the CPU it would take days."""
    if os.environ.get("TRAIN_ON") == "gpu" and not tf.config.list_physical_devices("GPU"):
        built = "with" if tf.test.is_built_with_cuda() else "without"
        visible = os.environ.get("CUDA_VISIBLE_DEVICES")
        named = "" if visible is None else f" and CUDA_VISIBLE_DEVICES={visible}, which may hide it"
        raise SystemExit(
            f"TRAIN_ON=gpu{named}: TensorFlow {tf.__version__}, built {built} CUDA, lists no GPU: install "
            f"tensorflow[and-cuda]=={tf.__version__} (`make setup GPU=1`; for the trainer's image `make images "
            f'BUILD_ARGS="--build-arg TENSORFLOW=tensorflow[and-cuda]=={tf.__version__}"`), and look at `nvidia-smi`'
        )


def tracked_run() -> mlflow.ActiveRun:
    """Start the run; where there is a GPU, MLflow asks the driver itself how busy it is."""
    mlflow.set_system_metrics_sampling_interval(SYSTEM_METRICS_SECONDS)
    on_gpu = bool(tf.config.list_physical_devices("GPU"))
    return mlflow.start_run(tags=tracked.context_tags(), log_system_metrics=on_gpu)


def log_parameters(arguments: argparse.Namespace, training: data.Split, held_out: data.Split) -> None:
    """Log what was asked for, the devices and which data the run saw."""
    run = mlflow.active_run()
    # `mlflow run` has logged the project's parameters, in the user's own spelling; another one MLflow refuses
    logged = mlflow.get_run(run.info.run_id).data.params
    mlflow.log_params(
        {
            **{name: value for name, value in vars(arguments).items() if name not in logged},
            "devices": ",".join(devices_seen()),
            **({"gpu_number": gpu_number()} if tf.config.list_physical_devices("GPU") else {}),
            "data_digest": data.digest(training, held_out),
            "training_images": len(training.labels),
            "held_out_images": len(held_out.labels),
        }
    )


def devices_seen() -> list[str]:
    """Return TensorFlow's devices by kind and name, such as `CPU` or `GPU:NVIDIA H100`."""
    seen = []
    for device in tf.config.list_physical_devices():
        name = tf.config.experimental.get_device_details(device).get("device_name", "")
        seen.append(f"{device.device_type}:{name}".rstrip(":"))
    return seen


def gpu_number() -> int:
    """Return which of the driver's GPUs is TensorFlow's first: MLflow's metrics are of all of them."""
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
    if first.startswith("GPU-"):
        return number_of(first)
    return int(first) if first.isdigit() else 0


def number_of(uuid: str) -> int:
    """Return the driver's number of a GPU by its UUID, of which CUDA takes the beginning for the whole as well."""
    pynvml.nvmlInit()
    try:
        devices = map(pynvml.nvmlDeviceGetHandleByIndex, range(pynvml.nvmlDeviceGetCount()))
        return [pynvml.nvmlDeviceGetUUID(device).startswith(uuid) for device in devices].index(True)
    finally:
        pynvml.nvmlShutdown()


def batches(split: data.Split, size: int, shuffle: bool = False) -> tf.data.Dataset:
    """Keep the images as bytes and scale each batch: a quarter of the memory of float32."""
    images, labels = tf.constant(split.images), tf.constant(split.labels)
    indices = tf.data.Dataset.range(len(split.labels))
    if shuffle:  # numbers, not images: the buffer fills at once and takes no memory
        indices = indices.shuffle(len(split.labels))

    def batch(chosen: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cast(tf.gather(images, chosen), tf.float32) / 255.0, tf.gather(labels, chosen)

    return indices.batch(size).map(batch).prefetch(2)


class TrackedProgress(keras.callbacks.Callback):
    """Log each epoch's metrics and its time in seconds, by default to MLflow; print a line every few seconds."""

    def __init__(
        self,
        epochs: int,
        steps: int,
        clock: Callable[[], float] = time.monotonic,
        log_metrics: Callable[..., object] = mlflow.log_metrics,
    ) -> None:
        super().__init__()
        self.epochs, self.steps, self.clock, self.log_metrics = epochs, steps, clock, log_metrics
        self.started = self.epoch_started = self.printed = clock()
        self.epoch = 0

    def on_train_begin(self, logs=None):
        self.started = self.printed = self.clock()

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch, self.epoch_started = epoch, self.clock()

    def on_train_batch_end(self, batch, logs=None):
        now = self.clock()
        if now - self.printed < PROGRESS_SECONDS:
            return
        self.printed = now
        done = self.epoch * self.steps + batch + 1
        left = (now - self.started) / done * (self.epochs * self.steps - done)
        self.say(f"step {batch + 1}/{self.steps}, accuracy {logs['accuracy']:.3f}, {left:.0f} s left")

    def on_epoch_end(self, epoch, logs=None):
        seconds = self.clock() - self.epoch_started
        self.log_metrics({**logs, "epoch_seconds": seconds}, step=epoch + 1)
        self.say(f"accuracy {logs['accuracy']:.3f}, held out {logs['val_accuracy']:.3f}, {seconds:.0f} s")

    def say(self, text: str) -> None:
        print(f"epoch {self.epoch + 1}/{self.epochs}: {text}", flush=True)


class TrainingTime(keras.callbacks.Callback):
    """Log how many seconds passed from here to the last step, those for held-out images left out; by default to MLflow.

    So the network's making is part of it: its first layer may be computed from the images.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, log_metric: Callable[..., object] = mlflow.log_metric
    ) -> None:
        super().__init__()
        self.clock, self.log_metric = clock, log_metric
        self.started = self.asked = clock()
        self.held_out_seconds = 0.0

    def on_test_begin(self, logs=None):
        self.asked = self.clock()

    def on_test_end(self, logs=None):
        self.held_out_seconds += self.clock() - self.asked

    def on_train_end(self, logs=None):
        seconds = self.clock() - self.started - self.held_out_seconds
        self.log_metric("training_seconds", seconds)
        print(f"trained in {seconds:.1f} s, held-out images left out", flush=True)


def log_reference(
    model: keras.Model, held_out: data.Split, log_artifact: Callable[[str, str], object] = mlflow.log_artifact
) -> None:
    """Log the model's own logits [N, 10] for the first held-out images: what a server must answer.

    `log_artifact` takes a file and the folder that it is to be in.
    """
    tf.config.experimental.enable_tensor_float_32_execution(False)  # TF32 rounds to 10 bits
    images = held_out.images[:REFERENCE_IMAGES].astype(np.float32) / 255.0
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "held_out_logits.npy"
        np.save(file, model.predict(images, batch_size=500, verbose=0))
        log_artifact(str(file), "reference")


if __name__ == "__main__":
    main()
