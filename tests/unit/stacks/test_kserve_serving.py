"""Predictors that KServe makes, on a made-up cluster: what it is given, where they are reached, and what is left."""

import copy
import time
from typing import Any

import numpy as np
import pytest

from acceptance.errors import AcceptanceError
from acceptance.gpu.node import GPU_RESOURCE
from acceptance.kserve.installation import Installation
from acceptance.kserve.routes import Routes, routes_of
from acceptance.kserve.runtime import own_runtime
from acceptance.kubernetes import admission
from acceptance.serving.served_model import ServedModel
from acceptance.stacks.kserve_changes import KServeChanges
from acceptance.stacks.kubernetes_serving import KServeServing
from acceptance.storage.location import Location
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import TrainingRun
from acceptance.waiting import Ready
from tests.http_server import answering
from tests.made_up_gateway import MadeUpGateway, MadeUpTriton, running
from tests.unit.kubernetes.small_cluster import SmallCluster
from tests.unit.serving.test_other_version import network
from tests.unit.stacks.test_kubernetes import stack_on

NAME = "triton-gpu-1"
READY = [{"type": "Ready", "status": "True"}]
MADE = ["InferenceService triton-gpu-1", "ServingRuntime triton-gpu-1"]


STANDARD = Installation("0.20.0", "Standard")


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

    def read(self, name):
        assert name in self.names
        return ServedModel("", name)

    def close(self):
        self.names = []


class Trained(TrainingRun):
    def download_model(self, name, directory):
        directory.mkdir(parents=True)
        (directory / "model.onnx").write_bytes(network())
        return directory


def served_by_kserve(stack, folder, found=STANDARD):
    """Have KServe make the stack's predictors; return what they are written to."""
    store: Any = Folder()
    stack.serving = KServeServing(stack.namespace, store, own_runtime(), found, stack.images, folder)
    return store


def trained(device):
    return Trained("", "0", "a run", "FINISHED", Recipe(device, "quick", 2), {}, {})


def test_with_a_tracking_server_of_the_users_the_stores_copy_is_that_of_the_repository(tmp_path):
    with stack_on(KServeCluster(), tmp_path, mlflow="https://mlflow.example.com") as stack:
        stack.store = served_by_kserve(stack, tmp_path)
        endpoint = stack.start_predictor("triton-cpu-1", trained("cpu"), "cpu").endpoint
        assert stack.stored_model(endpoint).place == "models/triton-cpu-1/1/cifar10/1/model.onnx"


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
        # on one GPU a new version's pod can't be there beside the old one
        assert made["deploymentStrategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
        assert made["affinity"]
        assert stack.inference_service(predictor.endpoint).not_ready == ""
        assert f"deployment/{NAME}-predictor 8080 9000 8002" in with_predictor(stack, predictor)
        predictor.stop()
        predictor.wait_gone()
        assert cluster.names("pods") == []
        assert cluster.deleted == MADE
        assert store.names == []


def test_a_kept_run_says_how_to_see_its_predictors_in_the_models_web_app(tmp_path):
    cluster = KServeCluster()
    with stack_on(cluster, tmp_path) as stack:
        served_by_kserve(stack, tmp_path)
        predictor = stack.start_predictor(NAME, trained("cpu"), "cpu")
        spec = {"ports": [{"port": 80, "targetPort": 5000}], "selector": {"app": "it"}}
        app = {"metadata": {"name": "kserve-models-web-app"}, "spec": spec}
        cluster.put("/api/v1/namespaces/kubeflow/services", app)
        ways = with_predictor(stack, predictor)
        assert f"{NAME} in the models web app kubeflow/kserve-models-web-app: kubectl " in ways
        assert (
            f"port-forward service/kserve-models-web-app 8090:80, then http://localhost:8090/details/{stack.namespace.name}/{NAME}"
            in ways
        )


def test_where_there_is_no_web_app_a_kept_run_says_nothing_of_it_and_the_reason_is_told(tmp_path):
    with stack_on(KServeCluster(), tmp_path) as stack:
        served_by_kserve(stack, tmp_path)
        predictor = stack.start_predictor(NAME, trained("cpu"), "cpu")
        assert "web app" not in with_predictor(stack, predictor)
        assert "the cluster has no models web app" in str(stack.shown_by_web_app(predictor.endpoint))


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
        KServeChanges(stack.serving).roll_out(endpoint, 1.0)
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
        changes = KServeChanges(stack.serving)
        assert changes.pause(NAME) == []
        changes.resume(NAME)
        assert [changes for _, changes in cluster.patched] == [
            {"metadata": {"annotations": {"serving.kserve.io/stop": value}}} for value in ("true", "false")
        ]


# --- through a gateway

GATEWAYS = "/apis/gateway.networking.k8s.io/v1/namespaces/kserve/gateways"
BY_GATEWAY = Installation("0.20.0", "Standard", routes=Routes("Gateway", "kserve/kserve-ingress-gateway"))
HOST = f"{NAME}-run.models.example.org"


def with_gateway(cluster, address):
    """Have the cluster say that its gateway is at `host:port`."""
    host, _, port = address.rpartition(":")
    listener = {"name": "l", "port": int(port), "protocol": "HTTP"}
    status = {"addresses": [{"type": "IPAddress", "value": host}]}
    gateway = {"metadata": {"name": "kserve-ingress-gateway"}, "spec": {"listeners": [listener]}, "status": status}
    cluster.objects[GATEWAYS] = {"kserve-ingress-gateway": gateway}
    return cluster


def policies(cluster):
    """Return the namespace and the ports of each policy that lets a gateway in."""
    found = [one["spec"]["ingress"][0] for one in cluster.created if one["metadata"]["name"].startswith("from-")]
    selected = [one["from"][0]["namespaceSelector"]["matchLabels"].popitem()[1] for one in found]
    return {name: [port["port"] for port in one["ports"]] for name, one in zip(selected, found, strict=True)}


def test_a_predictor_whose_url_a_gateway_serves_is_reached_by_it_and_the_gateway_is_let_in(tmp_path):
    with answering(MadeUpTriton) as triton, running(MadeUpGateway()) as made_up:
        made_up.routes[HOST] = triton
        cluster = with_gateway(KServeCluster({"conditions": READY, "url": f"http://{HOST}"}), made_up.address)
        with stack_on(cluster, tmp_path) as stack:
            served_by_kserve(stack, tmp_path, BY_GATEWAY)
            stack.serving.prepare()
            endpoint = stack.start_predictor(NAME, trained("cpu"), "cpu").endpoint
            assert endpoint.infer_json(np.zeros((1, 32, 32, 3), np.uint8)).tolist() == [list(range(10))]
            assert set(made_up.hosts) == {HOST}
            assert endpoint.reached_by == (
                f"Gateway kserve/kserve-ingress-gateway at http://{made_up.address}, Host {HOST}"
            )
            assert endpoint.gateway.not_ready("cifar10") == ""
            # all else is still the predictor's own
            assert endpoint.http.startswith("127.0.0.1:")
            assert endpoint.inside_url == f"http://{NAME}-predictor:80/v2/models/cifar10/infer"
            assert stack.inference_service(endpoint).url == f"http://{HOST}"
        assert policies(cluster) == {"kserve": [8080, 9000]}


@pytest.mark.parametrize(
    ("installation", "words"),
    [
        (Installation("0.20.0", "Standard", routes=Routes(why="KServe makes no routes")), "KServe makes no routes"),
        (BY_GATEWAY, "http://127.0.0.1:9 gives no answer"),
    ],
)
def test_without_a_gateway_that_is_reached_it_is_by_port_forward_and_says_why(tmp_path, installation, words):
    cluster = with_gateway(KServeCluster({"conditions": READY, "url": f"http://{HOST}"}), "127.0.0.1:9")
    with stack_on(cluster, tmp_path) as stack:
        served_by_kserve(stack, tmp_path, installation)
        endpoint = stack.start_predictor(NAME, trained("cpu"), "cpu").endpoint
        assert endpoint.gateway is None
        assert endpoint.reached_by.startswith(f"port-forward: {words}")


# --- in Knative mode

KNATIVE = Installation("0.20.0", "Knative", True, routes_of(None, "kourier.ingress.networking.knative.dev"))
REVISION = f"{NAME}-predictor-00001"
NO_DIGEST = f'Revision "{REVISION}" failed with message: Unable to fetch image "r.example/t:1": failed to resolve image'


class KnativeCluster(KServeCluster):
    """Makes a revision's pod and Services as Knative 1.21 does, and says so in the status."""

    def __init__(self, **more):
        address = {"url": f"http://{NAME}-predictor.run.svc.cluster.local"}
        component = {"latestCreatedRevision": REVISION, "address": address}
        status = {"deploymentMode": "Knative", "components": {"predictor": component}, "conditions": READY}
        super().__init__(**{"status": status, **more})

    def refuse(self, path, body):
        """Refuse as KServe's webhook does in this mode."""
        if "deploymentStrategy" in body.get("spec", {}).get("predictor", {}):
            words = "customizing deploymentStrategy is only supported for raw deployment mode"
            return 403, {
                "message": f'admission webhook "inferenceservice.kserve-webhook-server.validator" denied: {words}'
            }
        return super().refuse(path, body)

    def make(self, namespace, service):
        predictor = copy.deepcopy(service["spec"]["predictor"])
        labels = {
            **predictor["labels"],
            "app": REVISION,
            "component": "predictor",
            "serving.knative.dev/revision": REVISION,
            "serving.knative.dev/service": f"{NAME}-predictor",
            "serving.kserve.io/inferenceservice": NAME,
        }
        containers = [
            {"name": "kserve-container", "resources": predictor["model"]["resources"]},
            {"name": "queue-proxy", "resources": {"requests": {"cpu": "25m"}}},
        ]
        about = {"name": f"{REVISION}-deployment-7c9f8b6d5-x7k2p", "labels": labels}
        self.put(f"{namespace}/pods", {"kind": "Pod", "metadata": about, "spec": {"containers": containers}})
        outside = {"type": "ExternalName", "externalName": "kourier-internal.kourier-system.svc.cluster.local"}
        about = {"name": f"{NAME}-predictor"}
        self.put(f"{namespace}/services", {"metadata": about, "spec": {**outside, "ports": [{"port": 80}]}})


def test_in_knative_mode_a_revisions_pod_is_the_predictors_and_pods_reach_it_by_its_whole_name(tmp_path):
    cluster = KnativeCluster()
    with stack_on(cluster, tmp_path) as stack:
        served_by_kserve(stack, tmp_path, KNATIVE)
        stack.serving.prepare()
        predictor = stack.start_predictor(NAME, trained("gpu"), "gpu")
        endpoint = predictor.endpoint
        assert endpoint.inside_url == f"http://{NAME}-predictor.run.svc.cluster.local/v2/models/cifar10/infer"
        assert stack.namespace.pods.one_ready(NAME).metadata.name.startswith(f"{REVISION}-deployment-")
        assert f"deployment/{REVISION}-deployment 8080 9000 8002" in with_predictor(stack, predictor)
        assert stack.inference_service(endpoint).mode == "Knative"
        ports = [8012, 8013, 8112, 9090]
        assert policies(cluster) == {"knative-serving": ports, "kourier-system": ports}


def test_the_objects_that_are_tried_out_are_those_that_knative_mode_takes(tmp_path):
    with stack_on(KnativeCluster(), tmp_path) as stack:
        for installation, refused in ((KNATIVE, []), (STANDARD, [f"InferenceService {NAME}"])):
            served_by_kserve(stack, tmp_path, installation)
            found = []
            for one in stack.serving.planned(NAME, ""):
                manifest = stack.namespace.fit(one.manifest, one.name)
                with stack.cluster.api() as api:
                    found += admission.try_out(stack.namespace, api, manifest)[1]
            assert [problem.what.partition(":")[0] for problem in found] == refused


def test_a_digest_that_knative_cannot_resolve_is_said_at_once_with_the_fix(tmp_path):
    failed = {"type": "PredictorConfigurationReady", "status": "False", "reason": "RevisionFailed"}
    status = {"conditions": [{**failed, "message": NO_DIGEST}]}
    cluster = KnativeCluster(status=status, makes=False)
    with stack_on(cluster, tmp_path) as stack:
        served_by_kserve(stack, tmp_path, KNATIVE)
        began = time.monotonic()
        with pytest.raises(AcceptanceError, match=r"triton-gpu-1: Knative can't resolve .*r\.example/t:1") as raised:
            stack.start_predictor(NAME, trained("cpu"), "cpu")
        assert "registries-skipping-tag-resolving" in raised.value.problem.fix
        assert time.monotonic() - began < 10
        assert cluster.deleted == MADE


def test_a_revisions_deployment_that_is_refused_its_pod_is_named(tmp_path):
    components = {"predictor": {"latestCreatedRevision": REVISION}}
    status = {"components": components, "conditions": [{"type": "Ready", "status": "Unknown"}]}
    cluster = KnativeCluster(status=status, makes=False)
    with stack_on(cluster, tmp_path) as stack:
        served_by_kserve(stack, tmp_path, KNATIVE)
        owner = {"kind": "ReplicaSet", "name": f"{REVISION}-deployment-7c9f8b6d5"}
        when = "2026-11-23T12:00:00Z"
        event = {
            "metadata": {"name": "e"},
            "involvedObject": owner,
            "reason": "FailedCreate",
            "message": "exceeded quota: run, requested: limits.cpu=17",
            "firstTimestamp": when,
            "lastTimestamp": when,
        }
        cluster.put(f"/api/v1/namespaces/{stack.namespace.name}/events", event)
        with pytest.raises(AcceptanceError, match=r"ReplicaSet .*-00001-deployment-7c9f8b6d5: .*exceeded quota"):
            stack.start_predictor(NAME, trained("cpu"), "cpu")


def told(revision):
    """Return what is satisfied once the newest pod is known to be of the revision."""

    def done(pod):
        return Ready(pod) if pod.metadata.labels["serving.knative.dev/revision"] == revision else "not yet"

    return done


def test_a_rollout_in_knative_mode_waits_for_the_new_revisions_pod(tmp_path):
    cluster = KnativeCluster()
    with stack_on(cluster, tmp_path) as stack:
        served_by_kserve(stack, tmp_path, KNATIVE)
        endpoint = stack.start_predictor(NAME, trained("cpu"), "cpu").endpoint
        before = stack.namespace.pods.uids(NAME)
        changes = KServeChanges(stack.serving)
        assert changes.not_rolled_out(endpoint, before) == f"0 pods of {NAME}'s new version are ready, 1 are old"
        namespace = f"/api/v1/namespaces/{stack.namespace.name}"
        (first,) = [one for name, one in cluster.objects[f"{namespace}/pods"].items() if name.startswith(REVISION)]
        second = copy.deepcopy(first)
        second["metadata"]["name"] = f"{NAME}-predictor-00002-deployment-5d8c-abcde"
        second["metadata"]["labels"]["serving.knative.dev/revision"] = f"{NAME}-predictor-00002"
        path = f"/apis/serving.kserve.io/v1beta1/namespaces/{stack.namespace.name}/inferenceservices"
        status = cluster.objects[path][NAME]["status"]
        status["components"]["predictor"]["latestCreatedRevision"] = f"{NAME}-predictor-00002"
        cluster.put(f"{namespace}/pods", second)
        with cluster.changed:  # it is the later one
            second["metadata"]["creationTimestamp"] = "2026-11-23T12:00:30Z"
            cluster.tell(f"{namespace}/pods", "MODIFIED", second)
        changes.wait_rolled_out(endpoint, before)
        # the first revision's pod goes later, and is none of those that are counted
        second["metadata"]["labels"]["serving.knative.dev/revision"] = f"{NAME}-predictor-00002"
        with cluster.changed:
            cluster.tell(f"{namespace}/pods", "MODIFIED", second)
        stack.namespace.waits.until("it to be told", NAME, told(f"{NAME}-predictor-00002"), 10)
        assert changes.not_scaled(NAME, 1) == ""
        assert changes.not_scaled(NAME, 2) == "it has 1 pods, 1 of them ready"
        assert stack.namespace.pods.owners[NAME] == f"{NAME}-predictor-00002-deployment"
        status["conditions"] = [{"type": "PredictorReady", "status": "False", "message": NO_DIGEST}]
        with pytest.raises(AcceptanceError, match="can't resolve the image's digest"):
            changes.not_rolled_out(endpoint, before)


def test_a_predictor_is_scaled_by_both_of_its_bounds_and_waited_for(tmp_path):
    cluster = KServeCluster()
    with stack_on(cluster, tmp_path) as stack:
        served_by_kserve(stack, tmp_path)
        stack.start_predictor(NAME, trained("cpu"), "cpu")
        changes = KServeChanges(stack.serving)
        changes.scale(NAME, 1)
        assert [changes for _, changes in cluster.patched] == [
            {"spec": {"predictor": {"minReplicas": 1, "maxReplicas": 1}}}
        ]
        assert changes.not_scaled(NAME, 2) == "it has 1 pods, 1 of them ready"


def test_a_rollout_ends_when_all_pods_are_of_the_new_version(tmp_path):
    with stack_on(KServeCluster(), tmp_path) as stack:
        served_by_kserve(stack, tmp_path)
        endpoint = stack.start_predictor(NAME, trained("cpu"), "cpu").endpoint
        changes, (uid,) = KServeChanges(stack.serving), stack.namespace.pods.uids(NAME)
        assert changes.not_rolled_out(endpoint, frozenset()) == ""
        assert changes.not_rolled_out(endpoint, {uid}) == f"0 pods of {NAME}'s new version are ready, 1 are old"
