"""The second recipe as an MLflow Project of its own run, at an eighth of its width, on the stand-in."""

import os
import subprocess

from fixtures.stacks.common import CODESET
from fixtures.support import batches, mlflow_local
from fixtures.support.standin import write_digits
from fixtures.support.tracking import Recipe, read_run

EPOCHS = 10


def test_the_beyond_entry_point_learns_and_is_tracked_like_the_other(tmp_path):
    folder = tmp_path / "digits"
    write_digits(folder)
    recipe = Recipe("cpu", "beyond-eighth", EPOCHS, batch_size=16, entry_point="beyond")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    answer = subprocess.run(
        mlflow_local.project_command(CODESET, "beyond-1", recipe, str(folder)),
        cwd=tmp_path,
        env={**os.environ, **mlflow_local.project_environment(uri), "CUDA_VISIBLE_DEVICES": "-1"},
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
    training, held_out = (batches.read_pictures(folder, names) for names in (batches.TRAINING, batches.HELD_OUT))
    said = {**recipe.parameters, "data_digest": batches.digest(training, held_out), "devices": "CPU"}
    assert {name: run.parameters.get(name) for name in said} == said
    assert run.parameters["precision"] == "float32"
    assert run.seconds > sum(run.metrics["epoch_seconds"])
    assert run.held_out_accuracy > 0.9, answer.stdout
