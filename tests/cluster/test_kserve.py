"""The lab's KServe serves the trained model from an object store, and nothing of it is left."""

import uuid

import pytest

from tests.cluster.lab import namespaces_of
from tests.cluster.lab_kserve import skip_without_kserve, storage_container
from tests.cluster.lab_minio import minio_in
from tests.cluster.lab_namespace import fresh_namespace
from tests.minio import Minio
from tests.running import LIGHT

pytestmark = pytest.mark.cluster

READY = "the_inferenceservice_becomes_ready"
DEER = "the_deer_lands_at_index_4"
SERVED = "what_is_served_is_what_was_trained"
LOAD = "the_cpu_predictor_takes_the_tutorials_load"


@pytest.fixture(scope="module")
def minio(api):
    skip_without_kserve(api)
    with fresh_namespace(api) as namespace, minio_in(namespace) as minio:
        yield minio


@pytest.fixture(scope="module")
def store(minio):
    """A bucket that has another's object, and what copies models from it."""
    bucket = f"models-{uuid.uuid4().hex[:8]}"
    minio.client().create_bucket(Bucket=bucket)
    minio.client().put_object(Bucket=bucket, Key="ci/somebody-elses", Body=b"mine")
    return bucket


@pytest.fixture
def run_with_kserve(run_on_lab, minio, store):
    """Run scenarios with the predictors that KServe makes."""

    def run(*arguments):
        options = ("--predictor=kserve", f"--store=s3://{store}/ci", *LIGHT, *arguments)
        return run_on_lab(*options, **minio.variables)

    return run


def test_kserve_serves_the_trained_model_and_takes_the_load(run_with_kserve, api, store, minio, lab_kubeconfig):
    chosen = " or ".join((READY, DEER, SERVED, LOAD))
    with storage_container(api, f"s3://{store}/"):
        result = run_with_kserve("-k", chosen)
    assert result.code == 0, result.output
    found = result.scenarios()
    assert {name: one.outcome for name, one in found.items()} == dict.fromkeys((READY, DEER, SERVED, LOAD), "passed")
    assert found[READY].figures["deployment mode"] == "Standard"
    assert found[SERVED].figures["file"].startswith("/mnt/models/cifar10/1/model.onnx in pod triton-cpu-")
    assert found[SERVED].figures["in the object store"].startswith(f"s3://{store}/ci/triton-acceptance-")
    assert found[LOAD].figures["success"] == "100.000% of 3,000"
    assert "0.20.0, Standard mode" in (result.report / "results.json").read_text()
    assert minio.keys(store) == ["ci/somebody-elses"]
    assert namespaces_of(result.pid, lab_kubeconfig) == []
    written = b"".join(file.read_bytes() for file in result.report.rglob("*") if file.is_file())
    assert minio.password.encode() not in written


def test_what_copies_the_model_is_refused_by_a_restricted_namespace_before_anything_is_trained(
    run_with_kserve, minio, store
):
    result = run_with_kserve("-k", READY)
    scenario = result.scenarios()[READY]
    assert scenario.outcome == "failed", result.output
    for words in ("violates PodSecurity", "storage-initializer", "ClusterStorageContainer", "--pod-security baseline"):
        assert words in scenario.message
    assert not list((result.report / "logs").glob("*-trainer.log"))
    assert minio.keys(store) == ["ci/somebody-elses"]


def test_a_store_that_pods_do_not_reach_is_said_before_anything_starts(run_on_lab):
    result = run_on_lab("--store=s3://models/ci", **Minio("http://127.0.0.1:9").variables)
    assert result.code == 4, result.output
    assert "which pods can't reach" in result.output
    assert "AWS_ENDPOINT_URL_S3" in result.output
