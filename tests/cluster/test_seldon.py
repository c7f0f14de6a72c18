"""Contract tests: a real API server with Seldon's CRD takes the manifest, and a stand-in plays Seldon's controller."""

import json
import secrets
import uuid
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client
from kubernetes.utils import FailToCreateError

from acceptance.errors import AcceptanceError
from acceptance.images import read_images
from acceptance.kubernetes import kinds, manifests
from acceptance.kubernetes.client import connect
from acceptance.kubernetes.namespace import POD_SECURITY, Namespace
from acceptance.seldon import deployment as seldon
from acceptance.serving.repository import MODEL
from acceptance.settings import PodRules
from tests.cluster.lab import namespaces_of
from tests.cluster.lab_minio import minio_in
from tests.cluster.lab_namespace import fresh_namespace
from tests.cluster.lab_seldon import seldons_kind, standing_in
from tests.running import LIGHT

pytestmark = pytest.mark.cluster

DEER = "the_deer_lands_at_index_4"
BINARY = "json_and_binary_http_give_the_same_logits"
GRPC = "grpc_gives_the_same_logits"
SERVED = "what_is_served_is_what_was_trained"
READY = "the_inferenceservice_becomes_ready"
EVERYTHING_ASKED = PodRules(
    labels={"team": "ml"},
    annotations={"site.example/owner": "platform"},
    node_selector={"pool": "gpu"},
    tolerations=({"key": "spot", "operator": "Exists", "effect": "NoSchedule"},),
    priority_class="system-node-critical",
    pull_secret="",
    gpu_resource="example.com/gpu",
    runtime_class="nvidia",
)


@pytest.fixture(scope="module")
def kind(api):
    with seldons_kind(api):
        yield


@pytest.fixture(scope="module")
def namespace(kind, api, lab_kubeconfig, tmp_path_factory):
    """A namespace with the level of a run's own: only the suite's side of it is not begun."""
    cluster, logs = connect("", kubeconfig=Path(lab_kubeconfig)), tmp_path_factory.mktemp("logs")
    with fresh_namespace(api) as found:
        found.core.patch_namespace(found.name, {"metadata": {"labels": {POD_SECURITY: "restricted"}}})
        yield Namespace(cluster, secrets.token_hex(4), read_images(None), logs, rules=EVERYTHING_ASKED, name=found.name)


def made(namespace):
    """Return a SeldonDeployment with all that may be put into one."""
    manifest = seldon.seldon_deployment("s3://models/ci/models/triton-gpu-1/1")
    manifests.ask_for_gpu(manifest, MODEL)
    manifests.keep_to_node(manifest, "n1")
    return namespace.fit(manifest, "triton-gpu-1")


def is_within(part, whole):
    """Say whether all of a manifest's part is in what was made of it, beside defaults."""
    if isinstance(part, dict):
        return all(key in whole and is_within(value, whole[key]) for key, value in part.items())
    if isinstance(part, list):
        return len(part) == len(whole) and all(map(is_within, part, whole))
    return part == whole


def try_strictly(namespace, manifest):
    options = {"dry_run": "All", "field_validation": "Strict"}
    return kinds.create(namespace.cluster.api(), manifest, namespace.name, **options)


def test_the_api_server_takes_a_seldon_deployment_with_all_that_a_site_asks_of_pods(namespace):
    manifest = made(namespace)
    taken = try_strictly(namespace, manifest)
    assert is_within(manifest["spec"], taken["spec"])  # it has dropped nothing
    spec = taken["spec"]["predictors"][0]["componentSpecs"][0]["spec"]
    assert spec["containers"][0]["resources"]["limits"]["example.com/gpu"] == "1"
    assert spec["runtimeClassName"] == "nvidia"
    assert "spot" in str(spec["tolerations"])


@pytest.mark.parametrize("where", ["graph", "container"])
def test_a_misspelt_key_is_refused_by_its_name(namespace, where):
    manifest = made(namespace)
    part = manifests.graph_of(manifest) if where == "graph" else manifests.container_of(manifest, MODEL)
    part["modelUrl"] = "s3://models"
    with pytest.raises(FailToCreateError, match="modelUrl"):
        try_strictly(namespace, manifest)


def test_what_copies_the_model_is_refused_by_a_restricted_namespace(namespace):
    pod = seldon.trial_pod("triton-cpu", seldon.seldon_deployment("s3://models/ci"))
    with pytest.raises(AcceptanceError, match=r"violates PodSecurity.*cifar10-model-initializer"):
        namespace.create(pod, "triton-cpu", dry_run="All")


# --- the whole chain, with a stand-in


@pytest.fixture(scope="module")
def minio(kind, api):
    with fresh_namespace(api) as found, minio_in(found) as minio:
        yield minio


@pytest.fixture(scope="module")
def store(minio):
    """A bucket that has another's object."""
    return minio.make_shared_bucket(f"models-{uuid.uuid4().hex[:8]}")


@pytest.fixture(scope="module")
def stand_in(kind, api):
    with fresh_namespace(api) as found, standing_in(found) as (stand_in, ingress):
        yield stand_in, ingress


def test_a_cluster_with_the_kind_and_no_controller_ends_the_run_before_it_starts(run_on_lab, kind, minio, store):
    result = run_on_lab("--predictor=seldon", f"--store=s3://{store}/ci", "-k", DEER, **minio.variables)
    assert result.code == 4, result.output
    assert "has Seldon's kinds and no controller" in result.output
    assert "leave out --predictor seldon" in result.output


def test_seldons_predictor_answers_by_seldons_url_and_nothing_of_it_is_left(
    run_on_lab, api, minio, store, stand_in, lab_kubeconfig
):
    controller, ingress = stand_in
    options = ("--predictor=seldon", f"--store=s3://{store}/ci", f"--gateway={ingress}", "--pod-security=baseline")
    chosen = " or ".join((DEER, BINARY, GRPC, SERVED, READY))
    result = run_on_lab(*options, *LIGHT, "-k", chosen, **minio.variables)
    assert result.code == 0, result.output
    found = result.scenarios()
    expected = {**dict.fromkeys((DEER, BINARY, GRPC, SERVED), "passed"), READY: "skipped"}
    assert {name: one.outcome for name, one in found.items()} == expected
    assert "Seldon makes the predictors" in found[READY].message
    assert found[SERVED].figures["file"].startswith("/mnt/models/cifar10/1/model.onnx in pod triton-cpu-")
    asked = [path for path in controller.paths if path.endswith("/v2/models/cifar10/infer")]
    assert asked
    assert all(path.startswith("/seldon/triton-acceptance-") for path in asked)
    results = json.loads((result.report / "results.json").read_text())
    assert "the suite was never tried with Seldon's own controller" in results["versions"]["Seldon Core"]
    copied = [span["name"] for span in results["spans"] if span["kind"] == "pull"]
    assert any(name.startswith("model of triton-cpu-") for name in copied), copied
    assert minio.keys(store) == ["ci/somebody-elses"]
    assert namespaces_of(result.pid, lab_kubeconfig) == []
    left: Any = client.CustomObjectsApi(api).list_cluster_custom_object(*kinds.CUSTOM["SeldonDeployment"])
    assert left["items"] == []
    written = b"".join(file.read_bytes() for file in result.report.rglob("*") if file.is_file())
    assert minio.password.encode() not in written
