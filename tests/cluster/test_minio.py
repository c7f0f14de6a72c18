"""A run on the lab with a MinIO of its own, which MLflow and KServe use with TLS, and nothing of it is left."""

import base64

import pytest
from kubernetes import client

from acceptance.settings import MINIO_PLACE
from tests.cluster.lab import missing_image, namespaces_of
from tests.cluster.lab_kserve import skip_without_kserve, storage_container
from tests.running import LIGHT, started_suite
from tools.lab_image_names import MINIO as IMAGE
from tools.suite_run import read_scenarios

pytestmark = pytest.mark.cluster

READY = "the_inferenceservice_becomes_ready"
SERVED = "what_is_served_is_what_was_trained"
WITH_MINIO = ("--predictor=kserve", "--store=minio", *LIGHT, "-k", f"{READY} or {SERVED}")


def test_mlflow_and_kserve_use_the_runs_own_minio_in_a_restricted_namespace(api, options, tmp_path, lab_kubeconfig):
    skip_without_kserve(api)
    core = client.CoreV1Api(api)
    if missing := missing_image(core, IMAGE):
        pytest.skip(missing)
    with (
        storage_container(api, f"{MINIO_PLACE}/"),
        started_suite(tmp_path, *options, *WITH_MINIO, KUBECONFIG=lab_kubeconfig) as run,
    ):
        run.wait_for_log("training-*-trainer")
        (namespace,) = namespaces_of(run.popen.pid, lab_kubeconfig)
        secrets = secrets_of(core, namespace)
        assert run.wait_for_end(300) == 0, run.output
    found = read_scenarios(run.report)
    assert {name: one.outcome for name, one in found.items()} == {READY: "passed", SERVED: "passed"}
    assert found[SERVED].figures["in the object store"].startswith(f"{MINIO_PLACE}/triton-acceptance-")
    assert namespaces_of(run.popen.pid, lab_kubeconfig) == []
    written = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert [secret for secret in secrets if secret in written] == []


def secrets_of(core, namespace):
    """Return MinIO's password and a line of its private key; its keys are no other's."""
    account = core.read_namespaced_secret("minio", namespace).data
    key = base64.b64decode(core.read_namespaced_secret("minio-certificate", namespace).data["private.key"])
    password = base64.b64decode(account["MINIO_ROOT_PASSWORD"])
    assert len(password) > 20
    return [password, key.splitlines()[1]]
