"""The second recipe as an MLflow Project of its own run, at an eighth of its width, on the stand-in."""

import os
import subprocess
import sys

from acceptance.data import batches
from acceptance.data.standin import write_digits
from acceptance.environment import Kind, environment_of
from acceptance.paths import CODESET
from acceptance.training import project as mlflow_local
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import read_run

EPOCHS = 6
# the GPU's way of training, on the CPU
COMPILED = """
import pathlib, sys
import train, keras, augment, data, resnet
keras.config.set_dtype_policy("mixed_bfloat16")
training, held_out = data.read_dataset(pathlib.Path(sys.argv[1]))
sample = augment.normalised(training.images).numpy()
model = resnet.build("beyond-eighth", steps=10, batch_size=16, images=sample, on_gpu=True)
batches, shown = augment.training_batches(training, 16, seed=1), augment.held_out_batches(held_out).take(1)
metrics = model.fit(batches, steps_per_epoch=3, validation_data=shown, verbose=0).history
assert model.jit_compile and int(model.optimizer.iterations) == 3
print("dtypes", model.body.layers[3].compute_dtype, model.body.output.dtype, model.body.trainable_weights[0].dtype)
print("loss", metrics["loss"][0], metrics["val_loss"][0])
"""


def test_the_beyond_entry_point_learns_and_is_tracked_like_the_other(tmp_path):
    folder = tmp_path / "its folder%41"  # MLflow would read another name
    write_digits(folder)
    recipe = Recipe("cpu", "beyond-eighth", EPOCHS, batch_size=16, entry_point="beyond")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    variables = {**mlflow_local.project_environment(uri), **mlflow_local.device_environment("cpu")}
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    answer = subprocess.run(
        mlflow_local.project_command(CODESET, "beyond-1", recipe, str(folder)),
        cwd=tmp_path,
        env={**environment_of(Kind.OWN, tmp_path), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert answer.returncode == 0, answer.stdout
    run = read_run(uri, "beyond-1", recipe)
    assert run.status == "FINISHED"
    assert run.epochs_run == EPOCHS
    assert all(len(run.metrics[name]) == EPOCHS for name in ("loss", "val_loss", "val_accuracy", "epoch_seconds"))
    training, held_out = (batches.read_split(folder, names) for names in (batches.TRAINING, batches.HELD_OUT))
    said = {**recipe.parameters, "data_digest": batches.digest(training, held_out), "devices": "CPU"}
    assert {name: run.parameters.get(name) for name in said} == said
    assert run.parameters["precision"] == "float32"
    assert run.seconds > sum(run.metrics["epoch_seconds"])
    assert run.held_out_accuracy > 0.6, answer.stdout  # ten classes; ten epochs reach 0.9


def test_the_training_compiles_with_xla_in_bfloat16(tmp_path):
    """What only a GPU uses compiles and steps here as well; its speed says nothing."""
    folder = tmp_path / "digits"
    write_digits(folder)
    answer = subprocess.run(
        [sys.executable, "-c", COMPILED, str(folder)],
        cwd=CODESET,
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert "dtypes bfloat16 float32 float32" in answer.stdout
    losses = [float(loss) for loss in answer.stdout.split("loss ")[1].split()]
    assert all(abs(loss - 2.3) < 0.3 for loss in losses), losses  # ten classes, and nothing learnt yet: log 10
