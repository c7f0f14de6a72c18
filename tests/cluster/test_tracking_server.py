"""A run on the lab that tracks on a server of somebody else's in it: what it leaves there, and that nothing else is."""

import contextlib

import pytest

from acceptance.health import unready
from acceptance.training.server import TAG
from acceptance.waiting import Ready, wait_until
from tests.cluster.lab import namespaces_of
from tests.running import LIGHT, started_suite
from tools.lab_image_names import own_images
from tools.suite_run import read_scenarios

pytestmark = pytest.mark.cluster

SERVED = "what_is_served_is_what_was_trained"
TOKEN = "a-token-that-it-does-not-ask-for"  # noqa: S105 - a made-up one
PORT = 5000
SECONDS = 120  # MLflow takes its time, and other tests go on beside it


@contextlib.contextmanager
def mlflow_in(namespace):
    """Run MLflow as a pod of the namespace, and go on once it answers at its Service's address."""
    port = {"port": PORT, "targetPort": PORT}
    service = {"metadata": {"name": "theirs"}, "spec": {"selector": {"app": "theirs"}, "ports": [port]}}
    made = namespace.core.create_namespaced_service(namespace.name, service)
    uri = f"http://{made.spec.cluster_ip}:{PORT}"
    options = ["--host=0.0.0.0", f"--port={PORT}", "--workers=1", "--allowed-hosts=*"]
    stores = ["--backend-store-uri=sqlite:////tmp/mlflow.db", "--artifacts-destination=/tmp/artifacts"]
    container = {
        "name": "theirs",
        "image": own_images()["trainer"],
        "imagePullPolicy": "Never",
        "command": ["mlflow", "server", *options, *stores],
        "env": [{"name": "MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "value": "false"}],
    }
    pod = {
        "metadata": {"name": "theirs", "labels": {"app": "theirs"}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 1},
    }
    namespace.core.create_namespaced_pod(namespace.name, pod)
    wait_until("MLflow to answer", lambda: unready("MLflow", f"{uri}/health") or Ready(None), SECONDS)
    yield uri


def test_its_runs_stay_there_and_the_predictor_gets_a_copy(namespace, options, tmp_path, lab_kubeconfig):
    from mlflow import MlflowClient

    with mlflow_in(namespace) as uri:
        given = (*options, *LIGHT, f"--mlflow={uri}", "-k", SERVED)
        with started_suite(tmp_path, *given, KUBECONFIG=lab_kubeconfig, MLFLOW_TRACKING_TOKEN=TOKEN) as run:
            run.wait_for_log("training-*-trainer")
            (its_own,) = namespaces_of(run.popen.pid, lab_kubeconfig)
            assert {one.metadata.name for one in namespace.core.list_namespaced_secret(its_own).items} == {
                "tracking-server"
            }
            assert run.wait_for_end(300) == 0, run.output
        assert read_scenarios(run.report)[SERVED].outcome == "passed"
        assert namespaces_of(run.popen.pid, lab_kubeconfig) == []
        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name("triton-acceptance")
        runs = client.search_runs([experiment.experiment_id])
        assert sorted(one.info.run_name.partition("-")[0] for one in runs) == ["check", "training"]
        assert len({one.data.tags[TAG] for one in runs}) == 1
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert TOKEN.encode() not in written
