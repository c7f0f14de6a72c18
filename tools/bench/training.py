"""The trainer: against a bare Keras script, and its recipes against each other."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

from acceptance.paths import CODESET
from acceptance.training.recipes import Recipe, recipe_for
from tools.bench.rows import Row

PAIRS = 3
# how lines begin: the trainer's last one, and the one about its process
TRAINED, PEAK = "trained in ", "peak memory "
# what was `quick` before it
SIX = Recipe("cpu", "six", epochs=2, batch_size=64)
# held out after each of the first epochs of D. Page's ResNet-9, full width, 24 epochs: `logs.tsv` of his cifar10-fast
PUBLISHED = (0.3469, 0.7455, 0.7472, 0.7662)
# the bare script: Keras' own way with arrays in memory, and nothing else
BARE = """
import sys, time
sys.path.insert(0, sys.argv[1])
import data, keras, network
from pathlib import Path
keras.utils.set_random_seed(1)
training = data.read_batches(Path(sys.argv[2]), ("data_batch_1",))
model = network.build("revised", 1000, training.images)
images = training.images.astype("float32") / 255
class Clock(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        self.started = time.monotonic()
    def on_epoch_end(self, epoch, logs=None):
        print("seconds", time.monotonic() - self.started)
model.fit(images, training.labels, batch_size=64, epochs=2, verbose=0, callbacks=[Clock()])
"""
# the suite's trainer on the same images, timed in the same way: by its own `epoch_seconds`
OURS = """
import sys
sys.path.insert(0, sys.argv[1])
import data, keras, network, train
from pathlib import Path
keras.utils.set_random_seed(1)
training = data.read_batches(Path(sys.argv[2]), ("data_batch_1",))
model = network.build("revised", 1000, training.images)
def show(metrics, step):
    print("seconds", metrics["epoch_seconds"])
class Progress(train.TrackedProgress):
    def on_epoch_end(self, epoch, logs=None):
        super().on_epoch_end(epoch, {**logs, "val_accuracy": 0.0})
progress = Progress(2, 157, log_metrics=show)
model.fit(train.batches(training, 64, shuffle=True), epochs=2, verbose=0, callbacks=[progress])
"""


def last_epoch_seconds(program: str, data: Path) -> float:
    """Return the time of the second epoch: the first one traces the graph."""
    answer = subprocess.run(
        [sys.executable, "-c", program, str(CODESET), str(data)],
        capture_output=True,
        encoding="utf-8",
        check=True,
        env={**os.environ, "TF_ENABLE_ONEDNN_OPTS": "1", "TF_CPP_MIN_LOG_LEVEL": "2"},
    )
    return [float(line.split()[1]) for line in answer.stdout.splitlines() if line.startswith("seconds")][-1]


def trainer_against_keras(folder: Path, data: Path | None) -> Iterator[Row]:
    """Images a second of the suite's trainer over the bare script's, in turns; the best of each."""
    assert data
    ours, bare = [], []
    for _ in range(PAIRS):
        bare.append(last_epoch_seconds(BARE, data))
        ours.append(last_epoch_seconds(OURS, data))
    yield Row("images/s in the trainer against a bare Keras script", min(bare) / min(ours), 0.97, "x", True)


def time_to_70(folder: Path, data: Path | None, codeset: Path = CODESET) -> Iterator[Row]:
    """Time to 70 % held out, from the images being read to the last step: `six` over `quick`, in turns.

    Then what `quick` takes of memory at its most, evaluation and export included, over what `six` does.
    """
    assert data
    spent: dict[str, list[float]] = {"six": [], "quick": []}
    peaks: dict[str, list[float]] = {"six": [], "quick": []}
    for number in range(PAIRS):
        for recipe in (SIX, recipe_for("cpu", "quick", stand_in=False)):
            seconds, accuracy, peak = trained(codeset / "train.py", folder, data, replace(recipe, seed=number + 1))
            if accuracy < 0.7:
                raise SystemExit(f"{recipe.profile}: {accuracy * 100:.1f} % held out, nothing to compare with")
            spent[recipe.profile].append(seconds)
            peaks[recipe.profile].append(peak)
    each = ", ".join(f"{one:.1f}" for one in spent["quick"])
    what = f"time to 70 % held out: six convolutions against quick ({each} s)"
    yield Row(what, sum(spent["six"]) / sum(spent["quick"]), 6.0, "x", True)
    each = ", ".join(f"{one:.2f}" for one in peaks["quick"])
    what = f"peak memory of the trainer: quick ({each} GB) over six convolutions"
    yield Row(what, sum(peaks["quick"]) / sum(peaks["six"]), 1.0, "x")


def beyond_curve(folder: Path, data: Path | None, codeset: Path = CODESET) -> Iterator[Row]:
    """The first of the second recipe's 56 epochs, at a quarter of its width, held against the published curve."""
    assert data
    reached: list[float] = []
    options = ["--data", str(data), "--profile", "beyond-quarter"]
    with contextlib.closing(epochs_of(codeset / "beyond.py", "beyond", folder, options)) as lines:
        # in this order it asks for no line beyond the last published one
        epochs = (line for line in lines if not line.startswith(PEAK))
        for published, line in zip(PUBLISHED, epochs, strict=False):
            reached.append(held_out(line))
            print(f"{line}; published: {published}", flush=True)
    what = "second recipe at a quarter of its width, held out after its first epochs, over the published ResNet-9's"
    curve = ", ".join(f"{one * 100:.1f}" for one in reached)
    yield Row(f"{what} (mean of {len(reached)}: {curve} %)", sum(reached) / sum(PUBLISHED), 0.9, "x", True)


def trained(trainer: Path, folder: Path, data: Path, recipe: Recipe) -> tuple[float, float, float]:
    """Train by the recipe; return the trainer's own seconds, what it reached held out, and its peak memory in GB."""
    options = [part for name, value in recipe.parameters.items() for part in (f"--{name.replace('_', '-')}", value)]
    reached = seconds = peak = 0.0
    with contextlib.closing(epochs_of(trainer, recipe.profile, folder, ["--data", str(data), *options])) as lines:
        for line in lines:
            print(f"{recipe.profile}, seed {recipe.seed}: {line}", flush=True)
            if line.startswith(TRAINED):
                seconds = float(line.removeprefix(TRAINED).split()[0])
            elif line.startswith(PEAK):
                peak = float(line.removeprefix(PEAK).split()[0])
            else:
                reached = held_out(line)
    if not seconds:
        raise SystemExit(f"{recipe.profile} did not say how long it took")
    return seconds, reached, peak


def held_out(line: str) -> float:
    return float(line.split("held out ")[1].split(",")[0])


def epochs_of(program: Path, name: str, folder: Path, options: list[str]) -> Generator[str]:
    """Run a program of the codeset; yield what it says after each epoch and last, and what memory it took at its most.

    Closing it ends the program.
    """
    said = folder / f"{name}.log"
    with said.open("w", encoding="utf-8") as errors:
        popen = subprocess.Popen(
            [sys.executable, str(program), *options],
            cwd=folder,  # where MLflow without a server puts the artifacts
            env={**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/{name}.db", "PYTHONUNBUFFERED": "1"},
            stdout=subprocess.PIPE,
            stderr=errors,
            encoding="utf-8",
        )
    assert popen.stdout
    try:
        for line in popen.stdout:
            if "held out" in line or line.startswith(TRAINED):
                yield line.strip()
        _, status, usage = os.wait4(popen.pid, 0)
        popen.returncode = os.waitstatus_to_exitcode(status)
        if popen.returncode:
            raise SystemExit(
                f"{name} ended with {popen.returncode}; its last words:\n{said.read_text(encoding='utf-8')[-1000:]}"
            )
        yield f"{PEAK}{usage.ru_maxrss * 1024 / 1e9:.2f} GB"
    finally:
        popen.kill()
        popen.wait()
