"""What is wrong with a tracked run: its accuracy, what it logged, the device that trained, its time."""

from collections.abc import Mapping
from pathlib import Path
from statistics import median

import numpy as np

from acceptance.errors import Problem
from acceptance.training.tracking import TrainingRun

# a GPU that others leave alone and that does nothing has 0
BUSY_PERCENT = 5
EPOCH_METRICS = ("accuracy", "loss", "val_accuracy", "val_loss", "epoch_seconds")
MODELS = ("keras", "onnx")
TRAINERS_LOG = "look at the trainer's log"


def low_accuracy(run: TrainingRun, reached: float, percent: int, on: str) -> Problem | None:
    """Say that an accuracy, from 0 to 1, is below so many percent; `on`: the images it was reached on."""
    if reached * 100 >= percent:
        return None
    what = f"{run} reached {reached:.1%} {on}, not {percent} %"
    return Problem(what, "look at its accuracy an epoch in the trainer's log")


def no_accuracy(run: TrainingRun) -> Problem | None:
    """Say that the held-out accuracy is no share of the held-out images."""
    if 0 < run.held_out_accuracy <= 1:
        return None
    return Problem(f"{run} logged {run.held_out_accuracy} as its held-out accuracy", TRAINERS_LOG)


def wrong_epochs(run: TrainingRun) -> Problem | None:
    if run.epochs_run == run.recipe.epochs:
        return None
    return Problem(f"{run} ran {run.epochs_run} epochs of the {run.recipe.epochs} asked for", TRAINERS_LOG)


def wrong_parameters(run: TrainingRun, digest: str) -> Problem | None:
    """Say that the run did not finish, or logged other parameters, or another data set's digest, than it was given."""
    if run.status != "FINISHED":
        return Problem(f"{run} is {run.status} in MLflow", TRAINERS_LOG)
    asked = {**run.recipe.parameters, "data_digest": digest}
    logged = {name: run.parameters.get(name) for name in asked}
    return None if logged == asked else Problem(f"{run} logged {logged}; asked for was {asked}", TRAINERS_LOG)


def missing_metrics(run: TrainingRun) -> Problem | None:
    """Say which metric has no value for each epoch."""
    counts = {metric: len(run.metrics.get(metric, [])) for metric in EPOCH_METRICS}
    if set(counts.values()) == {run.recipe.epochs}:
        return None
    return Problem(f"{run} logged {counts} values in {run.recipe.epochs} epochs", TRAINERS_LOG)


def wrong_device(run: TrainingRun, device: str) -> Problem | None:
    """Say that another device than "CPU" or "GPU" can have trained, by what TensorFlow saw."""
    kinds = {name.split(":")[0] for name in run.devices}
    if "CPU" in kinds and ("GPU" in kinds) == (device == "GPU"):
        return None
    return Problem(f"{run} saw {run.devices}; the {device} was to train it", TRAINERS_LOG)


def missing_models(run: TrainingRun, directory: Path) -> Problem | None:
    """Say which of the models in MLflow has no signature; they are fetched into the directory."""
    for name in MODELS:
        described = (run.download_model(name, directory / f"tracked-{name}") / "MLmodel").read_text(encoding="utf-8")
        if "signature:" not in described:
            return Problem(f"{run}: model {name} has no signature", TRAINERS_LOG, described)
    return None


def different_experiments(runs: Mapping[str, TrainingRun]) -> Problem | None:
    found = {device: run.experiment for device, run in runs.items()}
    if len(set(found.values())) == 1:
        return None
    return Problem(f"MLflow has the runs in different experiments: {found}", "look at the trainers' logs")


def epoch_times(cpu: TrainingRun, gpu: TrainingRun, many: int, few: int) -> dict[str, float]:
    """Return how long, in seconds, `few` epochs take the CPU and `many` the GPU."""
    return {f"{few} epochs on the CPU": few * cpu.epoch_seconds, f"{many} on the GPU": many * gpu.epoch_seconds}


def slow_gpu(cpu: TrainingRun, gpu: TrainingRun, many: int, few: int) -> Problem | None:
    """Say that `many` of the GPU's epochs take longer than `few` of the CPU's."""
    times = epoch_times(cpu, gpu, many, few)
    if many * gpu.epoch_seconds <= few * cpu.epoch_seconds:
        return None
    return Problem(
        f"an epoch took the GPU {gpu.epoch_seconds:.1f} s and the CPU {cpu.epoch_seconds:.1f} s: "
        + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in times.items()),
        "see that nobody else uses the GPU: `nvidia-smi`",
    )


def slow_training(run: TrainingRun, minutes: int) -> Problem | None:
    """Say that the run, its start and its tracking included, took longer than so many minutes."""
    if run.seconds <= minutes * 60:
        return None
    return Problem(f"{run} took {run.seconds:.0f} s, start and tracking included, not {minutes} min", TRAINERS_LOG)


def utilisation(run: TrainingRun) -> str:
    """Return how busy the GPU was, for people."""
    use = run.gpu_utilisation
    if not use:
        return "not logged"
    return f"{median(use):.0f} % (median of {len(use)}), {busiest(use):.0f} % at the 90th percentile"


def busiest(use: list[float]) -> float:
    # the run starts and exports its models too, which may take longer than a short training
    return float(np.percentile(use, 90))


def idle_gpu(run: TrainingRun) -> Problem | None:
    """Say that the GPU was not busy while the run trained, by MLflow's system metrics."""
    use = run.gpu_utilisation
    if not use:
        return Problem(
            f"{run} logged no GPU utilisation",
            "it needs psutil and nvidia-ml-py, and a whole GPU instead of a MIG slice",
        )
    if busiest(use) >= BUSY_PERCENT:
        return None
    return Problem(
        f"the GPU was at most {busiest(use):.0f} % busy while {run} trained: it trained elsewhere", TRAINERS_LOG
    )
