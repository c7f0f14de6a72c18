"""Predictors that Seldon makes, on a made-up cluster: what it is given, where they are reached, what it says."""

import contextlib
import copy
from typing import Any

import numpy as np
import pytest

from acceptance.errors import AcceptanceError
from acceptance.gpu.node import GPU_RESOURCE
from acceptance.kubernetes.run_cleanup import delete_run
from acceptance.options import read_settings
from acceptance.stacks import seldon_needs
from acceptance.stacks.kubernetes_makers import problems
from acceptance.stacks.seldon_serving import SeldonServing
from tests.http_server import answering
from tests.made_up_gateway import MadeUpGateway, MadeUpTriton, running
from tests.unit.kubernetes.small_cluster import SmallCluster
from tests.unit.stacks.test_kserve_serving import Folder, namespace_of, trained
from tests.unit.stacks.test_kubernetes import stack_on

NAME = "triton-gpu-1"
AVAILABLE = {"state": "Available", "address": {"url": f"http://{NAME}-default.run.svc.cluster.local:9000/v2"}}


class SeldonCluster(SmallCluster):
    """Makes a pod of each SeldonDeployment and says `status` of it; `makes`: whether it makes any."""

    def __init__(self, status=AVAILABLE, makes=True, **more):
        super().__init__(**more)
        self.status, self.makes = status, makes

    def post(self, path, body):
        if path.endswith("/seldondeployments") and self.status:
            body["status"] = self.status
        made = super().post(path, body)
        if path.endswith("/seldondeployments") and self.makes:
            described = copy.deepcopy(body["spec"]["predictors"][0]["componentSpecs"][0])
            described["metadata"]["name"] = f"{body['metadata']['name']}-default-0-cifar10-x7k2p"
            self.put(f"{namespace_of(path)}/pods", {"kind": "Pod", **described})
        return made

    def delete(self, path):
        collection, _, name = path.rpartition("/")
        answer = super().delete(path)
        if collection.endswith("/seldondeployments") and answer[0] == 200:
            with self.changed:
                for where, pod in [(w, p) for w, kept in self.objects.items() if w.endswith("/pods") for p in kept]:
                    if pod.startswith(f"{name}-"):
                        self.let_go(where, pod)
        return answer


@contextlib.contextmanager
def served_by_seldon(cluster, folder, ingress="", failed_seconds=0.2):
    """Run a stack whose predictors Seldon makes; give what they are written to as well."""
    with stack_on(cluster, folder) as stack:
        store: Any = Folder()
        stack.serving = SeldonServing(stack.namespace, store, stack.images, folder, ingress, failed_seconds)
        stack.serving.watched.start()  # the namespace's watches have begun
        yield stack, store


def test_a_predictor_on_the_gpu_asks_for_one_and_ends_with_its_pods_and_its_model(tmp_path):
    cluster = SeldonCluster()
    with served_by_seldon(cluster, tmp_path) as (stack, store):
        predictor = stack.start_predictor(NAME, trained("gpu"), "gpu")
        assert f"models/{NAME}/1/cifar10/1/model.onnx" in store.names
        (made,) = [one["spec"]["predictors"][0] for one in cluster.created if one["kind"] == "SeldonDeployment"]
        assert made["graph"]["modelUri"] == f"s3://models/ci/run/models/{NAME}/1"
        spec = made["componentSpecs"][0]["spec"]
        assert spec["containers"][0]["resources"]["limits"][GPU_RESOURCE] == "1"
        assert spec["tolerations"]
        assert spec["affinity"]
        endpoint = predictor.endpoint
        inside = f"http://{NAME}-default.run.svc.cluster.local:9000/v2/models/cifar10/infer"
        assert endpoint.inside_url == inside
        assert endpoint.reached_by == "port-forward: --gateway names no ingress of Seldon's"
        stack.predictors[NAME] = predictor
        assert f"deployment/{NAME}-default-0-cifar10 9000 9500 8002" in stack.how_to_reach()
        stack.stop_serving(endpoint)
        assert cluster.names("pods") == []
        assert cluster.deleted == [f"SeldonDeployment {NAME}"]
        assert store.names == []


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (
            {"state": "Failed", "description": "Failed to get server config for TRITON_SERVER"},
            rf"Seldon calls SeldonDeployment {NAME} Failed: Failed to get server config for TRITON_SERVER",
        ),
        (
            {"state": "Failed", "deploymentStatus": {"d": {"description": "0 of 1 replicas are available"}}},
            rf"SeldonDeployment {NAME} Failed: Deployment d: 0 of 1 replicas are available",
        ),
    ],
)
@pytest.mark.parametrize("makes", [True, False])
def test_one_that_seldon_calls_failed_is_named_in_its_words_and_deleted(tmp_path, status, words, makes):
    cluster = SeldonCluster(status, makes)
    with served_by_seldon(cluster, tmp_path) as (stack, _):
        with pytest.raises(AcceptanceError, match=words):
            stack.start_predictor(NAME, trained("cpu"), "cpu")
        assert cluster.deleted == [f"SeldonDeployment {NAME}"]
        assert stack.namespace.pods.beside == []


class NoSecret(SeldonCluster):
    """Its pods can't start: what their initializer reads is not there."""

    def start(self, pod):
        super().start(pod)
        waiting = {"reason": "CreateContainerConfigError", "message": 'secret "model-reader" not found'}
        status = {"name": "cifar10", "image": "i", "imageID": "", "ready": False, "restartCount": 0}
        pod["status"] = {"phase": "Pending", "containerStatuses": [{**status, "state": {"waiting": waiting}}]}


def test_a_failure_of_its_pod_is_told_with_it(tmp_path):
    words = 'SeldonDeployment .* Failed: not available.; .*secret "model-reader" not found'
    with (
        served_by_seldon(NoSecret({"state": "Failed", "description": "not available."}), tmp_path) as (stack, _),
        pytest.raises(AcceptanceError, match=words),
    ):
        stack.start_predictor(NAME, trained("cpu"), "cpu")


class BehindIngress(SeldonCluster):
    """Has a Service at an address of this machine, which is the ingress'."""

    def get(self, path, query):
        if path == "/api/v1/services":
            about = {"name": "ingress", "namespace": "istio-system"}
            return self.listing([{"metadata": about, "spec": {"externalIPs": ["127.0.0.1"]}}])
        return super().get(path, query)


class Later(SeldonCluster):
    """Calls it Available only once somebody watches."""

    def watch(self, path, seen):
        if path.endswith("/seldondeployments"):
            with self.changed:
                for one in self.objects.get(path, {}).values():
                    if one.get("status") != AVAILABLE:
                        one["status"] = AVAILABLE
                        self.tell(path, "MODIFIED", one)
        yield from super().watch(path, seen)


@pytest.mark.parametrize("first", [None, {"state": "Failed", "description": "it tries again"}])
def test_its_state_is_seen_by_a_watch_and_a_failure_that_passes_is_none(tmp_path, first):
    with served_by_seldon(Later(status=first), tmp_path, failed_seconds=30) as (stack, _):
        stack.start_predictor(NAME, trained("cpu"), "cpu")
        assert stack.serving.read(NAME)["status"]["state"] == "Available"


def test_predictions_go_to_the_ingress_that_is_named_by_seldons_url_and_it_is_let_in(tmp_path):
    with answering(MadeUpTriton) as triton:
        cluster, made_up = BehindIngress(), MadeUpGateway()
        with running(made_up), served_by_seldon(cluster, tmp_path, f"http://{made_up.address}") as (stack, _):
            made_up.path = f"/seldon/{stack.namespace.name}/{NAME}"
            made_up.routes[made_up.address] = triton
            endpoint = stack.start_predictor(NAME, trained("cpu"), "cpu").endpoint
            assert endpoint.infer_json(np.zeros((1, 32, 32, 3), np.uint8)).tolist() == [list(range(10))]
            assert endpoint.gateway.base == f"http://{made_up.address}{made_up.path}"
            assert endpoint.gateway.not_ready("cifar10") == ""
            # another prefix, and the ingress has no route
            made_up.path = "/seldon/other/name"
            assert "has no route" in endpoint.gateway.not_ready("cifar10")
        (rule,) = [one["spec"] for one in cluster.created if one["metadata"]["name"] == "from-istio-system"]
        assert rule["podSelector"]["matchExpressions"][0]["key"] == "seldon-deployment-id"
        assert [port["port"] for port in rule["ingress"][0]["ports"]] == [9000, 9500]


def test_what_a_killed_run_left_in_a_namespace_of_others_goes_with_its_seldon_deployments(tmp_path):
    cluster = SeldonCluster()
    with served_by_seldon(cluster, tmp_path) as (stack, _):
        stack.start_predictor(NAME, trained("cpu"), "cpu")
        delete_run(stack.cluster, stack.namespace.name, stack.namespace.run, seconds=10)
        assert cluster.names("seldondeployments") == []
        assert cluster.names("pods") == []


# --- before anything starts


def test_a_cluster_that_is_made_for_the_run_has_none():
    settings = read_settings({"target": "kind", "predictor": "seldon", "store": "s3://models"}, ["kind"], {})
    found = [str(problem) for problem in problems(settings)]
    assert found[0].startswith("--predictor seldon: a cluster that --target kind makes for the run has no Seldon Core")


def test_an_authority_of_the_stores_own_is_refused_for_nothing_takes_it(monkeypatch):
    monkeypatch.setenv("AWS_CA_BUNDLE", "/etc/own.crt")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://minio:9000")
    settings = read_settings({"target": "existing", "predictor": "seldon", "store": "s3://models"}, ["existing"], {})
    seldon_needs.check_authority(settings)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://minio:9000")
    with pytest.raises(AcceptanceError, match=r"AWS_CA_BUNDLE=/etc/own.crt, and Seldon's initializer takes no"):
        seldon_needs.check_authority(settings)
