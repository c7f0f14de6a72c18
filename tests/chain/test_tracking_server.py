"""Runs that track on a server of somebody else's: what they leave there, and that all else of them is gone."""

import json
import os
from typing import Any

import pytest
import requests

from acceptance.errors import AcceptanceError
from acceptance.options import read_settings
from acceptance.stacks.embedded import EmbeddedStack
from acceptance.stacks.protocol import Part
from acceptance.stacks.workspace import Workspace
from acceptance.training.server import AUTHORITY, CLIENT
from tests.certificates import certificate
from tests.chain.leftovers import leftovers
from tests.running import LIGHT
from tests.tracking_servers import Said, front, python_of_mlflow2, running_server
from tools.suite_run import run_suite

# they read the model, and what else the trainer logged
SCENARIOS = "what_is_served_is_what_was_trained or the_server_answers_as_the_trained_model_does"
TAG = "triton-acceptance.run"
# the front lets nobody through
NOBODY: Any = None


def run_on(uri, folder, *options, **variables):
    (folder / "tmp").mkdir()
    options = (*LIGHT, "--data=digits", f"--mlflow={uri}", "-k", SCENARIOS, *options)
    result = run_suite(folder / "report", *options, TMPDIR=str(folder / "tmp"), **variables)
    assert leftovers(folder) == []
    written = b"".join(file.read_bytes() for file in (folder / "report").rglob("*") if file.is_file())
    for name in {"MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"} & variables.keys():
        assert variables[name].encode() not in written + result.output.encode()
    return result


def check_runs(client, name, result):
    """See that the training and the check are in the experiment, tagged with the run's id; return the training."""
    assert result.code == 0, result.output
    assert not list((result.report / "logs").glob("mlflow.log"))  # it started no server of its own
    experiment = client.get_experiment_by_name(name)
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    (training,) = [run for name, run in runs.items() if name.startswith("cpu-quick-")]
    number = training.info.run_name.rpartition("-")[2]
    assert set(runs) == {training.info.run_name, f"check-{number}"}
    assert {run.data.tags[TAG] for run in runs.values()} == {number}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    return training


@pytest.mark.sabotage  # a run on the lab tracks on MLflow 3 in CI
def test_runs_stay_in_the_workspace_and_the_experiment_that_were_named(tmp_path, tmp_path_factory, monkeypatch):
    with running_server(tmp_path_factory.mktemp("mlflow3"), "--enable-workspaces") as server:
        requests.post(f"{server.uri}/api/3.0/mlflow/workspaces", json={"name": "team"}, timeout=30).raise_for_status()
        result = run_on(server.uri, tmp_path, "--mlflow-experiment=nightly", MLFLOW_WORKSPACE="team")
        monkeypatch.setenv("MLFLOW_WORKSPACE", "team")
        client = server.client(monkeypatch)
        training = check_runs(client, "nightly", result)
        models = client.search_logged_models([training.info.experiment_id])
        assert "onnx" in {model.name for model in models if model.source_run_id == training.info.run_id}


def test_mlflow_2_with_an_account_tls_by_a_private_authority_a_client_certificate_and_beneath_a_prefix(
    tmp_path, tmp_path_factory, monkeypatch
):
    folder = tmp_path_factory.mktemp("mlflow2")
    client_file = certificate(tmp_path, "ann")
    with (
        running_server(folder, python=python_of_mlflow2(), locked=True) as server,
        front(server, tmp_path / "front", prefix="/mlflow", tls=True, client=client_file) as uri,
    ):
        files = {AUTHORITY: tmp_path / "front" / "authority.crt", CLIENT: client_file}
        variables = {name: os.path.relpath(file) for name, file in files.items()}
        result = run_on(uri, tmp_path, **server.variables, **variables)
        client = server.client(monkeypatch)
        training = check_runs(client, "triton-acceptance", result)
        assert "onnx" in [one.path for one in client.list_artifacts(training.info.run_id)]
    assert json.loads((result.report / "results.json").read_text())["versions"]["MLflow"].startswith("2.")


@pytest.mark.parametrize(
    ("shown", "words"),
    [("", "a client without a certificate"), ("stranger", "a client certificate that it doesn't trust")],
)
def test_a_client_certificate_that_is_missing_or_a_strangers_is_the_cause_before_anything_is_trained(
    tmp_path, monkeypatch, shown, words
):
    for name in ("run", "logs"):
        (tmp_path / name).mkdir()
    with front(NOBODY, tmp_path / "front", tls=True, client=certificate(tmp_path, "ann")) as uri:
        monkeypatch.setenv(AUTHORITY, str(tmp_path / "front" / "authority.crt"))
        if shown:
            monkeypatch.setenv(CLIENT, str(certificate(tmp_path, shown)))
        settings = read_settings({"target": "embedded", "mlflow": uri}, ["embedded"])
        workspace = Workspace(tmp_path / "run", tmp_path / "logs")
        with (
            EmbeddedStack(settings, workspace, lambda text: None) as stack,
            pytest.raises(AcceptanceError, match=rf"(?s)as for {words}: .*{CLIENT}.*a process of this machine"),
        ):
            stack.look_ahead({Part("training")})


@pytest.mark.sabotage
def test_a_server_that_goes_away_in_mid_run_ends_the_wait(tmp_path, tmp_path_factory):
    written: list[str] = []

    def gone_in_mid_run(method, path, headers):
        # the trainer's tags and parameters come first
        if path.endswith("/runs/log-batch"):
            written.append(path)
        return Said(503, b"no healthy upstream", "text/plain") if len(written) > 2 else None

    with (
        running_server(tmp_path_factory.mktemp("mlflow3")) as server,
        front(server, tmp_path / "front", gone_in_mid_run) as uri,
    ):
        result = run_on(uri, tmp_path)
    assert result.code == 1
    assert "503" in result.output
    assert float(json.loads((result.report / "results.json").read_text())["seconds"]) < 120
