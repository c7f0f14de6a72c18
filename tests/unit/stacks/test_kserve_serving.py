"""Predictors that KServe makes, on a made-up cluster: what it is given, where they are reached, and what is left."""

import copy
from typing import Any

import pytest

from acceptance.errors import AcceptanceError
from acceptance.gpu.node import GPU_RESOURCE
from acceptance.kserve.installation import Installation
from acceptance.kserve.runtime import own_runtime
from acceptance.stacks.kubernetes_serving import KServeServing
from acceptance.storage.location import Location
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun
from tests.unit.kubernetes.small_cluster import SmallCluster
from tests.unit.serving.test_other_version import network
from tests.unit.stacks.test_kubernetes import stack_on

NAME = "triton-gpu-1"
READY = [{"type": "Ready", "status": "True"}]
MADE = ["InferenceService triton-gpu-1", "ServingRuntime triton-gpu-1"]


class KServeCluster(SmallCluster):
    """Makes a pod and a Service of each InferenceService, and says `status` of it; `makes`: whether it makes any."""

    def __init__(self, status=None, makes=True, cluster_ip="10.0.0.7", **more):
        super().__init__(**more)
        self.status, self.makes, self.cluster_ip = status or {"conditions": READY}, makes, cluster_ip

    def post(self, path, body):
        made = super().post(path, body)
        namespace, _, kind = path.rpartition("/")
        if kind == "inferenceservices":
            body["status"] = self.status
            if self.makes:
                self.make(f"/api/v1/namespaces/{namespace.rpartition('/')[2]}", body)
        return made

    def make(self, namespace, service):
        name, predictor = service["metadata"]["name"], copy.deepcopy(service["spec"]["predictor"])
        container = {"name": "kserve-container", "resources": predictor["model"]["resources"]}
        pod = {"kind": "Pod", "metadata": {"name": f"{name}-predictor-x7k2p", "labels": predictor["labels"]}}
        self.put(f"{namespace}/pods", pod | {"spec": {"containers": [container]}})
        ports = [{"port": 80, "targetPort": 8080}]
        about = {"metadata": {"name": f"{name}-predictor"}}
        self.put(f"{namespace}/services", about | {"spec": {"clusterIP": self.cluster_ip, "ports": ports}})

    def patch(self, path, body):
        """Stop and resume as KServe does: all that serves goes, and comes again."""
        namespace = namespace_of(path)
        stop = body.get("metadata", {}).get("annotations", {}).get("serving.kserve.io/stop")
        if stop == "true":
            self.unmake(namespace)
        if stop == "false":
            self.make(namespace, self.objects[path.rpartition("/")[0]][NAME])
        return super().patch(path, body)

    def unmake(self, namespace):
        for one in (f"pods/{NAME}-predictor-x7k2p", f"services/{NAME}-predictor"):
            gone, _ = super().delete(f"{namespace}/{one}")
            if gone == 200:
                self.deleted.pop()  # nobody asked for it

    def delete(self, path):
        answer = super().delete(path)
        if "/inferenceservices/" in path and answer[0] == 200:
            self.unmake(namespace_of(path))
        return answer


def namespace_of(path):
    """Return where the core objects are of the namespace of an object."""
    return f"/api/v1/namespaces/{path.split('/namespaces/')[1].split('/')[0]}"


class Folder:
    """In the place of a run's prefix in a bucket: it keeps the names of what is written."""

    location = Location("models", "ci/run")

    def __init__(self):
        self.names = []

    def variables(self):
        return {"AWS_ENDPOINT_URL_S3": "http://minio:9000"}

    def delete_folder(self, name):
        self.names = [one for one in self.names if not one.startswith(f"{name}/")]

    def put_folder(self, folder, name):
        self.names += [f"{name}/{file.relative_to(folder)}" for file in folder.rglob("*") if file.is_file()]


class Trained(TrainingRun):
    def download_model(self, name, directory):
        directory.mkdir(parents=True)
        (directory / "model.onnx").write_bytes(network())
        return directory


def served_by_kserve(stack, folder):
    """Have KServe make the stack's predictors; return what they are written to."""
    store: Any = Folder()
    found = Installation("0.20.0", "Standard")
    stack.serving = KServeServing(stack.namespace, store, own_runtime(), found, stack.images, folder)
    return store


def trained(device):
    return Trained("", "0", "a run", "FINISHED", Recipe(device, "quick", 2), {}, {})


def test_a_predictor_on_the_gpu_asks_for_one_and_ends_with_all_that_it_is_made_of(tmp_path):
    cluster = KServeCluster()
    with stack_on(cluster, tmp_path) as stack:
        store = served_by_kserve(stack, tmp_path)
        predictor = stack.start_predictor(NAME, trained("gpu"), "gpu")
        assert {f"models/{NAME}/1/cifar10/{name}" for name in ("config.pbtxt", "1/model.onnx")} <= set(store.names)
        made = next(one for one in cluster.created if one["kind"] == "InferenceService")["spec"]["predictor"]
        assert made["model"]["resources"]["limits"][GPU_RESOURCE] == "1"
        assert made["model"]["storageUri"] == f"s3://models/ci/run/models/{NAME}/1"
        assert made["tolerations"]
        assert made["affinity"]
        assert stack.inference_service(predictor.endpoint).not_ready == ""
        assert f"deployment/{NAME}-predictor 8080 9000 8002" in with_predictor(stack, predictor)
        predictor.stop()
        predictor.wait_gone()
        assert cluster.names("pods") == []
        assert cluster.deleted == MADE
        assert store.names == []


def with_predictor(stack, predictor):
    """Return how a kept run says to reach it."""
    stack.predictors[NAME] = predictor
    try:
        return stack.how_to_reach()
    finally:
        del stack.predictors[NAME]


@pytest.mark.parametrize(("cluster_ip", "port"), [("10.0.0.7", 80), ("None", 8080)])
def test_the_clusters_pods_reach_it_by_its_service_or_past_one_without_an_address(tmp_path, cluster_ip, port):
    with stack_on(KServeCluster(cluster_ip=cluster_ip), tmp_path) as stack:
        served_by_kserve(stack, tmp_path)
        endpoint = stack.start_predictor(NAME, trained("cpu"), "cpu").endpoint
        assert endpoint.inside == f"{NAME}-predictor:{port}"


def test_one_that_kserve_makes_no_pod_of_is_named_with_kserves_reason_and_deleted(tmp_path):
    failure = {"reason": "RuntimeNotRecognized", "message": "Specified runtime blue is not found"}
    cluster = KServeCluster({"modelStatus": {"lastFailureInfo": failure}}, makes=False)
    with stack_on(cluster, tmp_path) as stack:
        served_by_kserve(stack, tmp_path)
        with pytest.raises(AcceptanceError, match=r"no pod .*triton-gpu-1: RuntimeNotRecognized: .*runtime blue"):
            stack.start_predictor(NAME, trained("cpu"), "cpu")
        assert cluster.deleted == MADE


def test_a_predictor_of_the_suites_own_is_no_inference_service(tmp_path):
    with stack_on(SmallCluster(), tmp_path) as stack:
        run = TrainingRun(
            "", "0", "a run", "FINISHED", Recipe("cpu", "quick", 2), {}, {}, models={"onnx": "models:/m-1"}
        )
        endpoint = stack.start_predictor("triton-cpu-1", run, "cpu").endpoint
        with pytest.raises(AcceptanceError, match="no InferenceService"):
            stack.inference_service(endpoint)


def test_a_new_version_is_written_beside_the_one_before_and_named_to_kserve(tmp_path):
    cluster = KServeCluster()
    with stack_on(cluster, tmp_path) as stack:
        store = served_by_kserve(stack, tmp_path)
        endpoint = stack.start_predictor(NAME, trained("cpu"), "cpu").endpoint
        stack.serving.roll_out(endpoint, 1.0)
        ((path, changes),) = cluster.patched
        assert path.endswith(f"/inferenceservices/{NAME}")
        source = changes["spec"]["predictor"]["model"]["storageUri"]
        assert source.startswith(f"s3://models/ci/run/models/{NAME}/")
        version = source.removeprefix("s3://models/ci/run/")
        for written in (f"models/{NAME}/1", version):
            assert f"{written}/cifar10/1/model.onnx" in store.names


def test_a_predictor_is_stopped_and_resumed_by_kserves_annotation(tmp_path):
    cluster = KServeCluster({"conditions": [*READY, {"type": "Stopped", "status": "True"}]})
    with stack_on(cluster, tmp_path) as stack:
        served_by_kserve(stack, tmp_path)
        stack.start_predictor(NAME, trained("cpu"), "cpu")
        # it and its runtime stay
        assert stack.serving.pause(NAME) == []
        stack.serving.resume(NAME)
        assert [changes for _, changes in cluster.patched] == [
            {"metadata": {"annotations": {"serving.kserve.io/stop": value}}} for value in ("true", "false")
        ]
