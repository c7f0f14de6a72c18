"""What the trackings of a run have in common, whichever MLflow the server has."""

import json
import os
import tempfile
from types import ModuleType
from typing import Any

import mlflow
from mlflow.exceptions import MlflowException


def context_tags() -> dict[str, str]:
    """Return the tags that MLflow's own variable names; MLflow sets them for new runs alone, not for `mlflow run`."""
    return json.loads(os.environ.get("MLFLOW_RUN_CONTEXT") or "{}")


def log_model(flavor: ModuleType, model: Any, name: str, **options: Any) -> None:
    """Log a model; as a folder of the run's artifacts where the server has no logged models, as MLflow 2 has none."""
    try:
        flavor.log_model(model, name=name, **options)
    except MlflowException as error:
        if error.error_code != "ENDPOINT_NOT_FOUND":
            raise
        print(f"the server has no logged models: {name} is among the run's artifacts", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            flavor.save_model(model, f"{folder}/{name}", **options)
            mlflow.log_artifacts(f"{folder}/{name}", name)
