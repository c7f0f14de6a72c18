"""MLflow on this machine: the tracking server's command line, `mlflow run`'s, and the environment of both."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from acceptance.errors import Problem
from acceptance.gpu.nvidia_smi import hidden
from acceptance.processes.logs import last_matching
from acceptance.training.recipes import Recipe
from acceptance.training.server import UsersServer
from acceptance.training.tracking import EXPERIMENT

RUN_PROJECT = Path(__file__).with_name("run_project.py")
# MLflow reads its folders as addresses
NOT_IN_AN_ADDRESS = "%?#"


def server_command(directory: Path, port: int, artifacts: str = "") -> list[str | Path]:
    """Return the command of the tracking server: SQLite, artifacts through the server, one worker.

    `artifacts`: where it keeps them, by default a folder beside its database.
    """
    return [
        sys.executable,
        *("-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"),
        *("--backend-store-uri", f"sqlite:///{directory / 'mlflow.db'}"),
        *("--artifacts-destination", artifacts or directory / "artifacts"),
    ]


def server_environment() -> dict[str, str]:
    """Return what keeps MLflow from the network and from helpers."""
    return {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}


def project_command(
    codeset: Path, name: str, recipe: Recipe, data: str, server: UsersServer | None = None
) -> list[str | Path]:
    """Return `mlflow run` as a user of the codeset would type it, but that it waits for a server of the run's own.

    `data` is quoted: MLflow reads a path as a URL.
    """
    mlflow = ["-m", "mlflow"] if server else [RUN_PROJECT]
    return [sys.executable, "-P", *mlflow, "run", codeset, *project_options(name, recipe, quote(data), server)]


def project_options(name: str, recipe: Recipe, data: str, server: UsersServer | None = None) -> list[str]:
    """Return the options of `mlflow run`: this environment, the experiment, the run's name, the recipe.

    `data` is the folder of the data set, where the run will be.
    """
    given = [part for key, value in {**recipe.parameters, "data": data}.items() for part in ("-P", f"{key}={value}")]
    experiment = server.experiment if server else EXPERIMENT
    named = ["--experiment-name", experiment, "--run-name", name, "--entry-point", recipe.entry_point]
    return ["--env-manager", "local", *named, *given]


def project_environment(tracking_uri: str, server: UsersServer | None = None) -> dict[str, str]:
    """Return what `mlflow run` needs besides: where to track, and time to log models on a busy machine.

    It would try a dead server for minutes; one that isn't the run's own is given the time of a restart.
    """
    tracking = {"MLFLOW_TRACKING_URI": tracking_uri, "MLFLOW_HTTP_REQUEST_TIMEOUT": "120"}
    given = {**server_environment(), **tracking, "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1"}
    return {**given, **(server.for_trainer if server else {})}


def device_environment(device: str) -> dict[str, str]:
    """Return the trainer's variables for "cpu" or "gpu": no GPU in sight, or none of the CPU's instead."""
    return {"CUDA_VISIBLE_DEVICES": "-1"} if device == "cpu" else {"TRAIN_ON": "gpu"}


def one_gpu(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return what leaves a process of this machine one GPU, the first that the user names or has, as nvidia-smi counts.

    TensorFlow and Triton would take memory of each GPU that they see, also where others work.
    """
    first = "-1" if hidden(environment) else environment.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0].strip()
    return {"CUDA_VISIBLE_DEVICES": first, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}


def progress(log: Path) -> str:
    """Return how far a training is, by the last line on an epoch in the trainer's log."""
    return f"training, {last_matching(log, 'epoch ') or 'starting'}"


def problems(temporary: Path, codeset: Path) -> list[Problem]:
    """Return which of the folders MLflow would take for another: the one for temporary files, the codeset."""
    places = ((temporary, NOT_IN_AN_ADDRESS, "name another folder with TMPDIR"), (codeset, "#", "move the checkout"))
    found = []
    for folder, unusable, fix in places:
        characters = [character for character in unusable if character in str(folder)]
        if characters:
            found.append(Problem(f"{folder}: MLflow takes no path with {' or '.join(characters)} in it", fix))
    return found
