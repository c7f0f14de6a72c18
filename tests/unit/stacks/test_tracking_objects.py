"""What pods and containers are given of a tracking server of the user's: Secrets, files, and what is in neither."""

import hashlib
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from acceptance.kubernetes import egress, manifests
from acceptance.serving.endpoint import Endpoint
from acceptance.stacks import kubernetes_objects as objects
from acceptance.stacks.docker_store import TRACKING, given_tracking
from acceptance.stacks.run_store import RunStore
from acceptance.storage.location import Location
from acceptance.training import server_verdict
from acceptance.training.recipes import Recipe
from acceptance.training.server import AUTHORITY, CLIENT, TAG, UsersServer
from acceptance.training.tracking import TrainingRun
from tests.http_server import answering
from tests.light_training import CODESET
from tests.unit.kubernetes.small_cluster import SmallCluster
from tests.unit.stacks.test_kubernetes import stack_on

PASSWORD, KEY = "password-of-ann", "key-of-ann"
RECIPE = Recipe("cpu", "quick", 2)


@pytest.fixture
def server(tmp_path):
    authority, client = tmp_path / "authority.pem", tmp_path / "client.pem"
    authority.write_text("-----BEGIN CERTIFICATE-----\n")
    client.write_text(f"-----BEGIN CERTIFICATE-----\n{KEY}\n")
    variables = {
        "MLFLOW_TRACKING_USERNAME": "ann",
        "MLFLOW_TRACKING_PASSWORD": PASSWORD,
        AUTHORITY: str(authority),
        CLIENT: str(client),
    }
    return UsersServer("https://mlflow.example.com/mlflow", "nightly", variables)


def job_for(server):
    dataset = SimpleNamespace(folder=CODESET, files=lambda: [])
    return objects.training_job("training-cpu-quick-1", RECIPE, dataset, server)  # type: ignore[arg-type]


def mounted(manifest, container):
    """Return where the container has each Secret's files."""
    pod = manifests.pod_of(manifest)
    assert pod
    of = {one["name"]: one["secret"]["secretName"] for one in pod["spec"]["volumes"] if "secret" in one}
    mounts = manifests.container_of(manifest, container)["volumeMounts"]
    return {of[one["name"]]: one["mountPath"] for one in mounts if one["name"] in of}


def secrets_named(manifest, container):
    return [one["secretRef"]["name"] for one in manifests.container_of(manifest, container)["envFrom"]]


def test_the_account_is_in_secrets_alone_and_the_trainer_and_the_check_have_them(server):
    account, files = objects.tracking_server(server)
    assert account["kind"] == files["kind"] == "Secret"
    assert account["stringData"]["MLFLOW_TRACKING_PASSWORD"] == PASSWORD
    assert TAG in account["stringData"]["MLFLOW_RUN_CONTEXT"]
    job, check = job_for(server), objects.server_check(server_verdict.variables(server))
    for manifest, container in ((job, "trainer"), (check, "mlflow-check")):
        assert PASSWORD not in str(manifest)
        assert KEY not in str(manifest)
        # the last of two that have a variable is the one that counts
        assert secrets_named(manifest, container) == [egress.NAME, account["metadata"]["name"]]
        folder = mounted(manifest, container)[files["metadata"]["name"]]
        for variable in (AUTHORITY, CLIENT):
            there, name = account["stringData"][variable].rsplit("/", 1)
            assert there == folder
            assert files["stringData"][name] == Path(server.variables[variable]).read_text()


def test_without_files_there_is_no_secret_of_them(server):
    (account,) = objects.tracking_server(UsersServer(server.uri, "nightly", {}))
    assert account["metadata"]["name"] == objects.TRACKING


def test_the_trainer_tracks_on_the_users_server_and_the_data_set_comes_from_the_runs_own(server):
    job = job_for(server)
    trainer = {one["name"]: one["value"] for one in manifests.container_of(job, "trainer")["env"]}
    fetcher = {one["name"]: one["value"] for one in manifests.container_of(job, "dataset")["env"]}
    # its Secret has it
    assert "MLFLOW_TRACKING_URI" not in trainer
    assert objects.tracking_server(server)[0]["stringData"]["MLFLOW_TRACKING_URI"] == server.uri
    assert fetcher["FOLDER_URL"].startswith("http://mlflow:5000/")
    command = manifests.container_of(job, "trainer")["command"]
    assert command[command.index("--experiment-name") + 1] == "nightly"


def test_without_a_server_the_trainer_tracks_on_the_runs_own():
    job = job_for(None)
    trainer = {one["name"]: one["value"] for one in manifests.container_of(job, "trainer")["env"]}
    assert trainer["MLFLOW_TRACKING_URI"] == "http://mlflow:5000"
    references = manifests.container_of(job, "trainer")["envFrom"]
    assert [one["secretRef"]["optional"] for one in references] == [True, True]


def test_a_container_gets_the_account_as_variables_and_the_files_for_its_user_alone(server, tmp_path):
    given = given_tracking(server, tmp_path / "files")
    assert given.environment["MLFLOW_TRACKING_PASSWORD"] == PASSWORD
    assert given.files == {TRACKING: tmp_path / "files"}
    for variable in (AUTHORITY, CLIENT):
        there, name = given.environment[variable].rsplit("/", 1)
        assert there == TRACKING
        file = tmp_path / "files" / name
        assert file.read_text() == Path(server.variables[variable]).read_text()
        assert file.stat().st_mode & 0o777 == 0o600


class TrackedElsewhere(TrainingRun):
    """A run whose model comes from another server than the run's own."""

    def download_model(self, name, directory):
        (directory / "model.onnx").write_bytes(b"a model")
        return directory


class Stored(RunStore):
    """A store that has what was put into MLflow."""

    def __init__(self, put):
        def get(name):
            return put[name.replace("artifacts", "/api/2.0/mlflow-artifacts/artifacts", 1)]

        self.bucket: Any = SimpleNamespace(location=Location("models", "ci/run"), get=get)


def test_a_predictor_in_a_cluster_gets_a_copy_of_the_model_which_is_the_object_stores_too(server, tmp_path):
    put = {}

    class Artifacts(BaseHTTPRequestHandler):
        def do_PUT(self):
            put[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()

    run = TrackedElsewhere(server.uri, "r1", "a run", "FINISHED", RECIPE, {}, {}, models={"onnx": "models:/m-1"})
    with answering(Artifacts) as address, stack_on(SmallCluster(), tmp_path, mlflow=server.uri) as stack:
        stack.tracking_uri = f"http://{address}"
        (deployment,) = [
            one for one in stack.predictor_objects("triton-cpu-1", run, "cpu") if one["kind"] == "Deployment"
        ]
        endpoint = Endpoint("triton-cpu-1", "", "", "", "cifar10", "cpu", run)
        assert stack.stored_model(endpoint) is None
        stack.store = Stored(put)
        stored = stack.stored_model(endpoint)
        assert stored
        assert (stored.sha256, stored.place) == (
            hashlib.sha256(b"a model").hexdigest(),
            "s3://models/ci/run/artifacts/models/r1/onnx/model.onnx",
        )
    given = {one["name"]: one["value"] for one in manifests.container_of(deployment, "model")["env"]}
    ((path, content),) = put.items()
    assert content == b"a model"
    assert f"{given['MODEL_URL']}/model.onnx" == f"http://mlflow:5000{path}"
