"""What MLflow knows of a training run. MLflow is imported at first use: it takes seconds."""

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import requests

from acceptance.errors import AcceptanceError, root
from acceptance.health import LONGEST, first_words
from acceptance.health import ask as request
from acceptance.training.models import models_of
from acceptance.training.recipes import Recipe
from acceptance.training.server import request_options
from acceptance.waiting import in_time

T = TypeVar("T")
# for all that one call of MLflow's client asks for; a model has some megabytes
WHOLE_SECONDS = 60
EXPERIMENT = "triton-acceptance"
VERSION = re.compile(r"\d[\w.+-]*")
REFERENCE = "reference/held_out_logits.npy"
ONNX_SHA_256 = "onnx_sha256"


@dataclass(frozen=True)
class TrainingRun:
    """A tracked run as MLflow returns it; `metrics` maps a name to its value an epoch, first epoch first."""

    tracking_uri: str
    run_id: str
    name: str
    status: str
    recipe: Recipe
    parameters: dict[str, str]
    metrics: dict[str, list[float]]
    seconds: float = 0.0
    models: dict[str, str] = field(default_factory=dict)
    """The logged models' names and artifact URIs."""
    experiment: str = ""
    """MLflow's id of the experiment that the run is in."""
    artifact_uri: str = ""
    """Where MLflow has the run's artifacts."""

    def __str__(self) -> str:
        return f"the {self.recipe.device.upper()} run {self.name} ({self.recipe.profile}, {self.run_id})"

    @property
    def epochs_run(self) -> int:
        return len(self.metrics.get("accuracy", []))

    @property
    def training_accuracy(self) -> float:
        return self.last("accuracy")

    @property
    def held_out_accuracy(self) -> float:
        return self.last("val_accuracy")

    @property
    def devices(self) -> list[str]:
        return self.parameters.get("devices", "").split(",")

    @property
    def onnx_sha256(self) -> str:
        """The SHA-256 of the ONNX model's file, as the trainer logged it: 64 hexadecimal digits."""
        if ONNX_SHA_256 not in self.parameters:
            raise AcceptanceError(f"{self} logged no {ONNX_SHA_256}; look at the trainer's log")
        return self.parameters[ONNX_SHA_256]

    @property
    def epoch_seconds(self) -> float:
        """The mean time of an epoch in seconds."""
        self.last("epoch_seconds")
        return float(np.mean(self.metrics["epoch_seconds"]))

    @property
    def gpu_utilisation(self) -> list[float]:
        """The utilisation of the GPU that trained, in percent, as MLflow's system metrics have it."""
        number = self.parameters.get("gpu_number", "0")
        metric = re.compile(rf"system/(?:.+/)?gpu_{re.escape(number)}_utilization_percentage")
        return next((values for name, values in self.metrics.items() if metric.fullmatch(name)), [])

    def last(self, metric: str) -> float:
        values = self.metrics.get(metric)
        if not values:
            raise AcceptanceError(f"{self} logged no {metric}; look at the trainer's log")
        return values[-1]

    def reference_logits(self, directory: Path) -> np.ndarray:
        """Return the trained model's own logits [N, 10] for the first N held-out images."""
        file = self.download_reference(directory)
        try:
            return np.load(file, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise AcceptanceError(f"{self}: its {REFERENCE} is no array: {first_words(file.read_bytes())}") from error

    def download_reference(self, directory: Path) -> Path:
        return download(self.tracking_uri, directory, artifact_uri=f"{self.artifact_uri}/{REFERENCE}")

    def onnx_logits(self, pixels: np.ndarray, directory: Path) -> np.ndarray:
        """Return what the tracked ONNX model answers to FP32 pixels [N, 32, 32, 3], computed here: logits [N, 10]."""
        import onnxruntime

        file = self.download_model("onnx", directory) / "model.onnx"
        try:
            session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
        except Exception as error:  # its classes have no common one of their own
            raise AcceptanceError(f"{self}: its tracked ONNX model can't be read: {error}") from error
        return session.run(None, {session.get_inputs()[0].name: pixels})[0]

    def model_uri(self, name: str) -> str:
        """Return the artifact URI of a logged model."""
        if name not in self.models:
            raise AcceptanceError(
                f"{self} logged no model {name!r}, only {sorted(self.models)}; look at the trainer's log"
            )
        return self.models[name]

    def download_model(self, name: str, directory: Path) -> Path:
        """Return the folder of a logged model, fetched through MLflow's own artifact proxy."""
        return download(self.tracking_uri, directory, artifact_uri=self.model_uri(name))


@contextlib.contextmanager
def mlflow_errors(tracking_uri: str, doing: str) -> Iterator[None]:
    """Turn what MLflow's client raises, for whatever answered it, into an AcceptanceError with the first words."""
    from google.protobuf.json_format import Error
    from mlflow.exceptions import MlflowException

    try:
        yield
    # the last three come of answers that are none of MLflow's
    except (MlflowException, requests.RequestException, OSError, ValueError, Error) as error:
        words, cause = first_words(str(error)), str(root(error))
        words = words if cause in str(error)[:LONGEST] else f"{words} ({first_words(cause)})"
        raise AcceptanceError(f"MLflow at {tracking_uri}, {doing}: {words}") from error


def ask_mlflow(tracking_uri: str, doing: str, ask: Callable[[], T], seconds: float = WHOLE_SECONDS) -> T:
    """Return what MLflow's client does, which itself has a limit for each piece of an answer alone."""
    with mlflow_errors(tracking_uri, doing):
        return in_time(f"MLflow at {tracking_uri}, {doing}", ask, seconds)


def download(tracking_uri: str, directory: Path, artifact_uri: str) -> Path:
    """Fetch an artifact by its address: by a run's id MLflow 3's client would look for logged models too."""
    import mlflow

    directory.mkdir(parents=True, exist_ok=True)

    def fetch() -> str:
        return mlflow.artifacts.download_artifacts(artifact_uri, dst_path=str(directory), tracking_uri=tracking_uri)

    return Path(ask_mlflow(tracking_uri, f"fetching {artifact_uri}", fetch))


def load_client() -> None:
    """Import MLflow's client ahead of its first use, while a trainer is at work."""
    import mlflow.artifacts  # noqa: F401


def server_version(tracking_uri: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the version of the MLflow server, "" where it doesn't say; the environment has MLflow's own variables."""
    try:
        answer = request("get", f"{tracking_uri}/version", 10, **request_options(environment))
    except (requests.RequestException, ValueError):
        return ""
    return answer.text.strip() if answer.ok and VERSION.fullmatch(answer.text.strip()) else ""


def read_run(
    tracking_uri: str, name: str, recipe: Recipe, seconds: float = WHOLE_SECONDS, within: str = EXPERIMENT
) -> TrainingRun:
    """Return the one run of that name, with every epoch's metrics; raises AcceptanceError where MLflow doesn't tell.

    `within`: the experiment's name.
    """

    def find() -> TrainingRun:
        return found_run(tracking_uri, name, recipe, within)

    return ask_mlflow(tracking_uri, f"reading the run {name}", find, seconds)


def found_run(tracking_uri: str, name: str, recipe: Recipe, within: str) -> TrainingRun:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri)
    experiment = client.get_experiment_by_name(within)
    found = client.search_runs([experiment.experiment_id], f"attributes.run_name = '{name}'") if experiment else []
    if len(found) != 1:
        raise AcceptanceError(
            f"MLflow has {len(found)} runs named {name} in experiment {within} instead of 1; "
            f"look at the trainer's log and at {tracking_uri}"
        )
    return training_run(client, tracking_uri, found[0], name, recipe)


def read_run_by_id(tracking_uri: str, run_id: str, recipe: Recipe, seconds: float = WHOLE_SECONDS) -> TrainingRun:
    """Return a run that somebody else named; raises AcceptanceError where MLflow doesn't tell of it."""

    def find() -> TrainingRun:
        from mlflow import MlflowClient

        client = MlflowClient(tracking_uri)
        run = client.get_run(run_id)
        return training_run(client, tracking_uri, run, run.info.run_name, recipe)

    return ask_mlflow(tracking_uri, f"reading the run {run_id}", find, seconds)


def training_run(client: Any, tracking_uri: str, run: Any, name: str, recipe: Recipe) -> TrainingRun:
    """Return what MLflow's client has of a run."""
    metrics = {
        metric: [
            point.value for point in sorted(client.get_metric_history(run.info.run_id, metric), key=attrgetter("step"))
        ]
        for metric in run.data.metrics
    }
    return TrainingRun(
        tracking_uri=tracking_uri,
        run_id=run.info.run_id,
        name=name,
        status=run.info.status,
        recipe=recipe,
        parameters=dict(run.data.params),
        metrics=metrics,
        experiment=run.info.experiment_id,
        artifact_uri=run.info.artifact_uri,
        seconds=((run.info.end_time or run.info.start_time) - run.info.start_time) / 1000,
        models=models_of(client, run),
    )
