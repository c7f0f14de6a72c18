"""The lab's KServe serves the trained model from an object store, and nothing of it is left."""

import contextlib
import json
import os
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import numpy as np
import pytest

from acceptance.clusters.existing import Existing
from acceptance.clusters.provider import Access
from acceptance.data.dataset import Dataset, prepare
from acceptance.data.source import Source
from acceptance.errors import AcceptanceError
from acceptance.kserve.service import reader
from acceptance.kubernetes.manifests import Manifest
from acceptance.load.result import LoadPlan
from acceptance.options import read_settings
from acceptance.redaction.redactor import Redactor
from acceptance.serving.inference import infer_json, json_request
from acceptance.serving.repository import CONFIG, MODEL
from acceptance.stacks.kubernetes import KubernetesStack
from acceptance.stacks.kubernetes_serving import KServeServing
from acceptance.stacks.workspace import Workspace
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun
from tests import light_training
from tests.cluster.lab import namespaces_of
from tests.cluster.lab_kserve import skip_without_kserve, storage_container
from tests.cluster.lab_minio import minio_in
from tests.cluster.lab_namespace import fresh_namespace
from tests.documented_rights import cluster_rules
from tests.minio import Minio
from tests.running import LIGHT
from tools.suite_run import run_suite

pytestmark = pytest.mark.cluster

STRANGER = "stranger"
READY = "the_inferenceservice_becomes_ready"
WEB_APP = "the_web_app_shows_the_inferenceservice_as_ready"
DEER = "the_deer_lands_at_index_4"
STOP = "the_predictor_is_stopped_and_resumed"
DELETED = "deleting_the_predictor_leaves_nothing"
GRPC = "grpc_gives_the_same_logits"
SERVED = "what_is_served_is_what_was_trained"
ROLLOUT = "a_new_version_of_the_model_takes_over_under_load_replicas"
ROLLOUTS = (f"{ROLLOUT}[one replica]", f"{ROLLOUT}[two replicas]")
ONNX = r"the model IR version \d+, opset \d+; the server's newest IR version \d+, opset \d+"
LOAD = "the_cpu_predictor_takes_the_tutorials_load"


@pytest.fixture(scope="module")
def minio(api):
    skip_without_kserve(api)
    with fresh_namespace(api) as namespace, minio_in(namespace) as minio:
        yield minio


@pytest.fixture(scope="module")
def store(minio):
    """A bucket that has another's object, and what copies models from it."""
    return minio.make_shared_bucket(f"models-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def run_with_kserve(run_on_lab, minio, store):
    """Run scenarios with the predictors that KServe makes."""

    def run(*arguments):
        options = ("--predictor=kserve", f"--store=s3://{store}/ci", *LIGHT, *arguments)
        return run_on_lab(*options, **minio.variables)

    return run


def test_kserve_serves_the_trained_model(run_with_kserve, api, store, minio, lab_kubeconfig):
    expected = (READY, *ROLLOUTS, STOP, DELETED, DEER, GRPC, SERVED)
    with storage_container(api, f"s3://{store}/"):
        result = run_with_kserve("-k", " or ".join((READY, ROLLOUT, STOP, DELETED, DEER, GRPC, SERVED, WEB_APP)))
    assert result.code == 0, result.output
    found = result.scenarios()
    outcomes = {**dict.fromkeys(expected, "passed"), WEB_APP: "skipped"}
    assert {name: one.outcome for name, one in found.items()} == outcomes
    assert "the cluster has no models web app" in found[WEB_APP].message
    assert found[READY].figures["deployment mode"] == "Standard"
    assert found[READY].figures["predictions go by"] == "port-forward: KServe makes no routes (disableIngressCreation)"
    assert found[SERVED].figures["file"].startswith("/mnt/models/cifar10/1/model.onnx in pod triton-cpu-")
    assert re.fullmatch(ONNX, found[SERVED].figures["ONNX"])
    assert found[SERVED].figures["in the object store"].startswith(f"s3://{store}/ci/triton-acceptance-")
    for rollout in ROLLOUTS:
        assert found[rollout].figures["success"] == "100.000% of 3,000"
        assert found[rollout].figures["rollout strategy"] == "maxSurge 1, maxUnavailable 0"
        print(found[rollout].figures["lost with kept-alive connections"])
    results = json.loads((result.report / "results.json").read_text())
    assert results["versions"]["KServe"] == "0.20.0, Standard mode"
    copied = [span["name"] for span in results["spans"] if span["kind"] == "pull"]
    assert any(name.startswith("model of triton-cpu-") for name in copied), copied
    assert minio.keys(store) == ["ci/somebody-elses"]
    assert namespaces_of(result.pid, lab_kubeconfig) == []
    written = b"".join(file.read_bytes() for file in result.report.rglob("*") if file.is_file())
    assert minio.password.encode() not in written


@pytest.mark.alone
def test_its_predictor_takes_the_load(run_with_kserve, api, store):
    with storage_container(api, f"s3://{store}/"):
        result = run_with_kserve("-k", LOAD)
    assert result.code == 0, result.output
    assert result.scenarios()[LOAD].figures["success"] == "100.000% of 3,000"


@pytest.mark.sabotage  # it takes long, and breaks where a right is not in the documents
def test_the_documented_rights_are_enough(account, options, api, store, minio, tmp_path):
    kubeconfig = account(cluster_rules("kubernetes.md", "kserve.md"))
    chosen = ("-k", " or ".join((READY, ROLLOUT, STOP, DELETED, SERVED, LOAD)))
    given = ("--predictor=kserve", f"--store=s3://{store}/ci", *LIGHT, *options, *chosen)
    with storage_container(api, f"s3://{store}/"):
        result = run_suite(tmp_path / "report", *given, KUBECONFIG=str(kubeconfig), **minio.variables)
    assert result.code == 0, result.output
    assert "may not read" in result.scenarios()[ROLLOUTS[0]].figures["rollout strategy"]


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


# --- models that can't be served


def nothing(serving: Any, about: Any) -> None:
    """Break nothing."""


class BreakableServing(KServeServing):
    """Predictors whose repository is changed once it is written, or their InferenceService before KServe sees it."""

    repository_breaks = service_breaks = staticmethod(nothing)

    @contextlib.contextmanager
    def broken(self, repository: Any = nothing, service: Any = nothing) -> Iterator[None]:
        """Break what is made in the block: `repository` is given its name in the store, `service` the manifest."""
        self.repository_breaks, self.service_breaks = repository, service
        try:
            yield
        finally:
            self.repository_breaks = self.service_breaks = nothing

    def write(self, version: str, model: Path, device: str) -> None:
        super().write(version, model, device)
        self.repository_breaks(self, version)

    def objects(self, name: str, run: TrainingRun, device: str) -> list[Manifest]:
        made = super().objects(name, run, device)
        self.service_breaks(self, made[-1])
        return made


class Breakable(KubernetesStack):
    def __enter__(self) -> Self:
        super().__enter__()
        whole: Any = self.serving
        self.serving = BreakableServing(
            self.namespace, whole.store, whole.runtime, whole.installation, self.images, whole.directory
        )
        return self


@pytest.fixture(scope="module")
def stack(lab_kubeconfig, images_file, minio, store, api, tmp_path_factory) -> Iterator[Any]:
    """The stack on the lab, whose predictors KServe makes."""

    class Lab(Existing):
        def __enter__(self) -> Access:
            return Access(self.context, Path(lab_kubeconfig))

    class OnLab(Breakable):
        providers = MappingProxyType({"existing": Lab})

    place = {"predictor": "kserve", "store": f"s3://{store}/ci", "images": str(images_file)}
    settings = read_settings({"target": "existing", "data": "digits", **place}, ["existing"], {})
    folder = tmp_path_factory.mktemp("stack")
    (folder / "logs").mkdir()
    workspace = Workspace(folder, folder / "logs", Redactor.from_environment({}))
    with pytest.MonkeyPatch.context() as patch, storage_container(api, f"s3://{store}/"):
        for name, value in minio.variables.items():
            patch.setenv(name, value)
        with OnLab(settings, workspace, lambda text: None, codeset=light_training.CODESET) as stack:
            stack.look_ahead(frozenset())
            yield stack
    assert namespaces_of(os.getpid(), lab_kubeconfig) == []
    assert minio.keys(store) == ["ci/somebody-elses"]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Dataset:
    return prepare(Source(), tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def trained(stack, data) -> TrainingRun:
    return stack.train(Recipe("cpu", "quick", epochs=1), data)


def wrong_key(serving, service):
    service["spec"]["predictor"]["model"]["storageUri"] += "-elsewhere"


def wrong_keys(serving, service):
    """Have another account read the model, whose secret key is wrong."""
    for manifest in reader({**serving.store.variables(), "AWS_SECRET_ACCESS_KEY": "another"}, ""):
        manifest["metadata"]["name"] = STRANGER
        if "secrets" in manifest:
            manifest["secrets"] = [{"name": STRANGER}]
        serving.namespace.create(manifest)
    service["spec"]["predictor"]["serviceAccountName"] = STRANGER


def in_config(one, other):
    """Return what writes the model's configuration again, with another word in one's place."""

    def change(serving, version):
        key = f"models/{version}/{MODEL}/{CONFIG}"
        text = serving.store.bucket.get(key).decode()
        assert one in text
        serving.store.bucket.put(key, text.replace(one, other).encode())

    return change


WRONG_SHAPE = in_config("dims: 32", "dims: 31")
# the server's, or its Python backend's where that is asked once more
SHAPE_WORDS = "(run warmup sample|invalid dimensions for input)"


@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        pytest.param({"service": wrong_key}, "-elsewhere", id="wrong key", marks=pytest.mark.sabotage),
        pytest.param({"repository": WRONG_SHAPE}, SHAPE_WORDS, id="wrong shape"),
        pytest.param(
            {"repository": in_config('backend: "python"', 'backend: "nowhere"')},
            "nowhere",
            id="unknown backend",
            marks=pytest.mark.sabotage,
        ),
        pytest.param({"service": wrong_keys}, "Forbidden", id="wrong credentials", marks=pytest.mark.sabotage),
    ],
)
def test_a_model_that_cannot_be_served_is_named_by_whoever_refuses_it(stack, trained, breaks, words):
    with (
        stack.serving.broken(**breaks),
        pytest.raises(AcceptanceError, match=words) as raised,
        stack.serve(trained, "cpu"),
    ):
        pytest.fail("it serves")
    print(raised.value)  # `pytest -rP` shows it


@pytest.mark.sabotage
def test_a_new_version_that_cannot_be_served_is_named_and_the_one_before_answers_on(stack, trained, data):
    image = data.held_out.pixels[:1]
    plan = LoadPlan(10, 60, json_request(image), new_connections=True)
    with stack.serve(trained, "cpu") as endpoint:
        answer = infer_json(endpoint.infer_url, image)
        with (
            stack.serving.broken(repository=WRONG_SHAPE),
            pytest.raises(AcceptanceError, match=rf"the new version of triton-cpu-.*{SHAPE_WORDS}"),
        ):
            stack.roll_out(endpoint, 1.0, plan, plan)
        assert np.array_equal(infer_json(endpoint.infer_url, image), answer)
