"""Where MLflow has a run's models: 3 has logged models, 2 has folders among the run's artifacts."""

from pathlib import PurePosixPath
from typing import Any

# what MLflow's client says where a server hasn't what it asks for
NO_ENDPOINT = "ENDPOINT_NOT_FOUND"


def models_of(client: Any, run: Any) -> dict[str, str]:
    """Return the artifact URIs of a run's models by their names, whichever MLflow the server has."""
    return logged_models(client, run) or models_in_artifacts(client, run)


def logged_models(client: Any, run: Any) -> dict[str, str]:
    """Return MLflow 3's logged models of a run, by their names; none where the server doesn't know of them."""
    from mlflow.exceptions import MlflowException

    try:
        logged = client.search_logged_models(
            experiment_ids=[run.info.experiment_id], filter_string=f"source_run_id = '{run.info.run_id}'"
        )
    except MlflowException as error:
        if error.error_code != NO_ENDPOINT:
            raise
        return {}
    return {model.name: model.artifact_location for model in logged}


def models_in_artifacts(client: Any, run: Any) -> dict[str, str]:
    """Return the models among a run's artifacts, where MLflow 2 has them: folders with a description of a model."""

    from mlflow.artifacts import list_artifacts

    root = run.info.artifact_uri

    def has_model(folder: str) -> bool:
        # by its address: by the run's id MLflow 3's client looks for logged models too
        found = list_artifacts(artifact_uri=f"{root}/{folder}", tracking_uri=client.tracking_uri)
        return any(PurePosixPath(one.path).name == "MLmodel" for one in found)

    folders = [one.path for one in client.list_artifacts(run.info.run_id) if one.is_dir and has_model(one.path)]
    return {folder: f"{root}/{folder}" for folder in folders}
