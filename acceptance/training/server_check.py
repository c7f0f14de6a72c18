"""Does on a tracking server what a training will do there, where the training will run, and says what can't be done.

A program of its own, which imports nothing of the suite. Variables name the server and the account, as for MLflow's
client, and CHECK_EXPERIMENT, CHECK_NAME, CHECK_BYTES what is done: a run, a metric, and a model of that size. The last
line is `verdict: ` and JSON: what was found, and with `step` the step that failed. Nothing is ever deleted.
"""

import contextlib
import hashlib
import json
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlflow import MlflowClient, artifacts
from mlflow.exceptions import MlflowException
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.rest_utils import http_request

VERDICT = "verdict: "
API = "/api/2.0/mlflow/experiments/get-by-name"
METRIC, FILE, SMALL = "check", "model.bin", "check.txt"
TOO_OLD = ("0", "1")
VERSION = re.compile(r"\d+\.\d[\w.+-]*")
SHORTEST, LONGEST = 8, 400


class Failed(Exception):
    """A step that failed, and what is known of why."""

    def __init__(self, step: str, **known: Any) -> None:
        self.known = {"step": step, **known}
        super().__init__(step)


def main() -> dict[str, Any]:
    """Return the verdict."""
    uri = os.environ["MLFLOW_TRACKING_URI"]
    experiment, name = os.environ["CHECK_EXPERIMENT"], os.environ["CHECK_NAME"]
    found: dict[str, Any] = {}
    try:
        with step("reach"):
            found["version"] = version_of(uri)
            if found["version"].partition(".")[0] in TOO_OLD:
                raise Failed("version")
            known = ask_experiment(uri, experiment)
        client = MlflowClient(uri)
        with step("create experiment"):
            found["experiment_id"] = known or create_experiment(client, experiment)
        with step("create run"):
            run = client.create_run(found["experiment_id"], tags=tags(), run_name=name)
        found |= {"run_id": run.info.run_id, "artifact_uri": run.info.artifact_uri}
        ended = "FAILED"
        try:
            with step("metric"):
                client.log_metric(run.info.run_id, METRIC, 1.0, step=1)
                if [one.value for one in client.get_metric_history(run.info.run_id, METRIC)] != [1.0]:
                    raise Failed("metric", words="it is read back as something else")
            found |= write_model(client, run, found["experiment_id"], name)
            ended = "FINISHED"
        finally:
            with contextlib.suppress(Exception):  # what failed before is worth more
                client.set_terminated(run.info.run_id, ended)
    except Failed as error:
        return {**found, **error.known}
    return found


def tags() -> dict[str, str]:
    return json.loads(os.environ.get("MLFLOW_RUN_CONTEXT") or "{}")


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Turn whatever the client raises into the step's failure."""
    try:
        yield
    except Failed:
        raise
    except Exception as error:  # of MLflow, requests, a store's own client
        raise Failed(name, **known_of(error)) from error


def known_of(error: BaseException) -> dict[str, Any]:
    """Return the HTTP status, the classes of what it was raised from, and the words."""
    chain: list[Any] = [error]
    words = " ".join(str(error).split())
    while inner := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(inner)
    answers = [one.response for one in chain if getattr(one, "response", None) is not None]
    status = getattr(answers[0], "status_code", 0) if answers else 0
    if not status and isinstance(error, MlflowException) and len(chain) == 1:
        status = error.get_http_status_code()
    # a wrapped error names the one that began it in its words, not among its causes
    names = " ".join([*(type(one).__name__ for one in chain), *re.findall(r"\b\w+Error\b", words)])
    # the innermost that says something: the others repeat whole addresses
    began = next((text for one in reversed(chain) if len(text := " ".join(str(one).split())) >= SHORTEST), words)
    return {"status": status, "classes": names, "words": (words if status else began)[:LONGEST]}


# --- the server


def version_of(uri: str) -> str:
    """Return the server's version, "" where it doesn't say."""
    answer = http_request(get_default_host_creds(uri), "/version", "GET", raise_on_status=False)
    text = answer.text.strip()
    return text if answer.status_code == 200 and VERSION.fullmatch(text) else ""


def ask_experiment(uri: str, experiment: str) -> str:
    """Return the id of the experiment, "" where there is none."""
    answer = http_request(
        get_default_host_creds(uri), API, "GET", params={"experiment_name": experiment}, raise_on_status=False
    )
    with contextlib.suppress(ValueError, AttributeError):
        said = answer.json()
        if answer.status_code == 200 and "experiment" in said:
            if said["experiment"].get("lifecycle_stage") == "deleted":
                raise Failed("deleted", experiment_id=said["experiment"].get("experiment_id", ""))
            return said["experiment"]["experiment_id"]
        if said.get("error_code") == "RESOURCE_DOES_NOT_EXIST":
            return ""
    page = answer.status_code == 200 or bool(answer.history)
    words = " ".join(re.sub(r"<[^>]*>", " ", answer.text).split())
    raise Failed("reach", status=answer.status_code, page=page, words=words[:LONGEST], url=answer.url)


def create_experiment(client: MlflowClient, experiment: str) -> str:
    try:
        return client.create_experiment(experiment)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise
        return client.get_experiment_by_name(experiment).experiment_id  # another run has made it meanwhile


# --- the model


def write_model(client: MlflowClient, run: Any, experiment_id: str, name: str) -> dict[str, Any]:
    """Write a file into the run, and one of the model's size where the server has models; read it back."""
    with tempfile.TemporaryDirectory() as folder:
        files, small = Path(folder, "files"), Path(folder, SMALL)
        files.mkdir()
        data = os.urandom(int(os.environ["CHECK_BYTES"]))
        (files / FILE).write_bytes(data)
        small.write_text(name, encoding="utf-8")
        with step("artifact"):
            client.log_artifact(run.info.run_id, str(small))
            where = log_model(client, run, experiment_id, name, str(files))
        with step("read back"):
            got = Path(artifacts.download_artifacts(artifact_uri=f"{where}/{FILE}", dst_path=f"{folder}/read"))
            if got.read_bytes() != data:
                raise Failed("read back", words=f"{where}/{FILE} is read back as something else")
    logged = where != f"{run.info.artifact_uri}/{name}"
    return {"place": f"{where}/{FILE}", "sha256": hashlib.sha256(data).hexdigest(), "logged_models": logged}


def log_model(client: MlflowClient, run: Any, experiment_id: str, name: str, files: str) -> str:
    """Log the files as a model; where the server has no logged models, as a folder of the run's. Return its address."""
    try:
        model = client.create_logged_model(experiment_id, name=name, source_run_id=run.info.run_id, tags=tags())
    except (AttributeError, MlflowException) as error:  # a client of MLflow 2 has none either
        if getattr(error, "error_code", "ENDPOINT_NOT_FOUND") != "ENDPOINT_NOT_FOUND":
            raise
        client.log_artifacts(run.info.run_id, files, name)
        return f"{run.info.artifact_uri}/{name}"
    client.log_model_artifacts(model.model_id, files)
    client.finalize_logged_model(model.model_id, "READY")
    return model.artifact_location


if __name__ == "__main__":
    print(f"\n{VERDICT}{json.dumps(main())}", flush=True)
