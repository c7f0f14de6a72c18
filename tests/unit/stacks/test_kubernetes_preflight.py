"""What a run on Kubernetes looks at before it trains: all that is wrong is one error."""

import time

import pytest

from acceptance.errors import AcceptanceError
from acceptance.serving.onnx_versions import OnnxVersions
from acceptance.stacks.kubernetes_preflight import Preflight
from acceptance.stacks.protocol import Part
from acceptance.waiting import Ready, wait_until
from tests.unit.kubernetes.small_cluster import IMAGES, SmallCluster
from tests.unit.stacks.test_kubernetes import stack_on

CPU = frozenset({Part("training"), Part("triton"), Part("load")})
GPU = frozenset(
    {
        *(Part(component, "gpu") for component in ("training", "triton", "gpu-probe", "tensorflow-probe")),
        Part("cuda-vector-add", "gpu"),
    }
)
POD_SECURITY = (
    'pods "mlflow-" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false'
)


def preflight_of(stack, parts, require_gpu=False):
    return Preflight(stack.namespace, stack.gpu_access, parts, "onnxruntime", require_gpu, stack.serving.planned)


class StrictCluster(SmallCluster):
    """Pods of its images end well or badly at once, or wait; it refuses and forbids what it is told to.

    `images`: the container's state of an image that has the name in it; `refused`: the answer to an object, by its kind
    and a part of its name; `forbidden`: rights, as `create deployments.apps`; `shared`: OpenShift's quotas of several
    namespaces.
    """

    def __init__(self, images=None, refused=None, forbidden=(), quotas=(), shared=(), gpus=False, **more):
        super().__init__(**more)
        self.images, self.refused, self.forbidden = images or {}, refused or {}, forbidden
        self.quotas, self.shared = quotas, shared
        if not gpus:
            self.objects["/api/v1/nodes"] = {
                "n1": {"metadata": {"name": "n1", "uid": "n1"}, "status": {"images": IMAGES}}
            }

    def may(self, verb, resource, namespace):
        return f"{verb} {resource}" not in self.forbidden

    def refuse(self, path, body):
        metadata = body["metadata"]
        name = f"{body['kind']} {metadata.get('name') or metadata.get('generateName')}"
        return next((answer for start, answer in self.refused.items() if name.startswith(start)), None)

    def get(self, path, query):
        if path.endswith("/resourcequotas") and "watch" not in query:
            return self.listing(list(self.quotas))
        if self.shared and path.endswith("/appliedclusterresourcequotas"):
            return 200, {"items": list(self.shared)}
        return super().get(path, query)

    def start(self, pod):
        super().start(pod)
        (container,) = pod["spec"]["containers"][:1]
        state = next((one for image, one in self.images.items() if image in container["image"]), ENDED)
        if pod["metadata"]["name"].startswith("image-"):
            one = {"name": "image-check", "image": container["image"], "imageID": "", "ready": False, "restartCount": 0}
            pod["status"] = {"phase": "Pending", "containerStatuses": [{**one, "state": state}]}


ENDED = {"terminated": {"exitCode": 0, "reason": "Completed"}}
PULLING = {"waiting": {"reason": "ContainerCreating"}}
NOT_FOUND = {"waiting": {"reason": "ErrImagePull", "message": "manifest unknown: not found"}}
NO_PROGRAM = {"terminated": {"exitCode": 127, "reason": "Error", "message": "sh: mlflow: not found"}}
OWN_PROGRAM = {"terminated": {"exitCode": 1, "reason": "Error"}}
NEVER_RAN = {"terminated": {"exitCode": 128, "reason": "StartError", "message": "exec format error"}}


def created(cluster, kind):
    return [one["metadata"]["name"] for one in cluster.created if one["kind"] == kind]


def failure(cluster, folder, parts, **given):
    with stack_on(cluster, folder, **given) as stack, pytest.raises(AcceptanceError) as raised:
        stack.look_ahead(parts)
    return str(raised.value)


def test_each_image_is_started_once_and_its_pod_goes(tmp_path):
    cluster = StrictCluster(linger_seconds=0)
    with stack_on(cluster, tmp_path) as stack:
        stack.look_ahead(CPU)
        assert sorted(created(cluster, "Pod")) == ["image-trainer", "image-triton", "image-vegeta"]
        assert sorted(cluster.deleted) == ["Pod image-trainer", "Pod image-triton", "Pod image-vegeta"]
    assert (created(cluster, "Deployment"), created(cluster, "Job")) == (["mlflow"], [])  # which starts meanwhile


def test_tritons_image_says_how_new_a_model_its_onnx_runtime_takes(tmp_path):
    said = {"terminated": {**ENDED["terminated"], "message": "IR version 10, opset 21\n"}}
    for part, gpus in ((Part("triton"), False), (Part("triton", "gpu"), True)):
        (folder := tmp_path / part.device).mkdir()
        with stack_on(StrictCluster({"tritonserver": said}, gpus=gpus), folder) as stack:
            assert stack.onnx_limits() is None
            stack.look_ahead({part})
            assert stack.onnx_limits() == OnnxVersions(10, 21)


def test_a_store_of_the_runs_own_has_its_image_looked_at_and_mlflow_waits_for_it(tmp_path):
    cluster = StrictCluster({"minio": NOT_FOUND})
    found = failure(cluster, tmp_path, CPU, store="minio")
    assert "quay.io/minio/minio" in found
    assert "--images FILE" in found
    assert created(cluster, "Deployment") == ["minio"]


def test_a_store_of_the_runs_own_that_pod_security_refuses_is_named(tmp_path):
    words = {"message": 'pods "minio-" is forbidden: violates PodSecurity "restricted:latest"', "reason": "Forbidden"}
    cluster = StrictCluster(refused={"Pod minio-": (403, words)})
    assert "the pods of Deployment minio" in failure(cluster, tmp_path, CPU, store="minio")
    assert created(cluster, "Secret") == []


def test_an_account_that_lacks_rights_is_told_so_whatever_kinds_the_run_has(tmp_path):
    with stack_on(StrictCluster(forbidden=("create jobs.batch",)), tmp_path) as stack:
        assert stack.namespace.lacks("Job")
        assert not stack.namespace.lacks("InferenceService", "Secret")


def test_only_what_the_scenarios_need_is_started(tmp_path):
    cluster = StrictCluster()
    with stack_on(cluster, tmp_path) as stack:
        stack.look_ahead({Part("training")})
        assert created(cluster, "Pod") == ["image-trainer"]
        stack.look_ahead(frozenset())
        assert created(cluster, "Pod") == ["image-trainer"]


def test_images_for_a_gpu_are_started_on_its_node_where_there_is_one(tmp_path):
    (tmp_path / "with").mkdir()
    (tmp_path / "without").mkdir()
    cluster = StrictCluster({"cuda-sample": OWN_PROGRAM}, gpus=True)
    with stack_on(cluster, tmp_path / "with") as stack:
        stack.look_ahead(GPU)
    pods = {one["metadata"]["name"]: one["spec"] for one in cluster.created if one["kind"] == "Pod"}
    on_node = {f"image-{image}-on-gpu-node" for image in ("trainer", "triton", "cuda", "cuda-vector-add")}
    assert pods.keys() == {"image-trainer", *on_node}
    for name in on_node:
        assert "n1" in str(pods[name]["affinity"])
        assert "nvidia.com/gpu" not in str(pods[name]["containers"])
    cluster = StrictCluster()
    with stack_on(cluster, tmp_path / "without") as stack:
        stack.look_ahead(GPU)
    assert created(cluster, "Pod") == []


def test_all_that_is_wrong_is_in_one_list_with_its_fixes(tmp_path):
    quota = {"metadata": {"name": "tight"}, "spec": {"hard": {"requests.memory": "3Gi", "pods": "1"}}}
    cluster = StrictCluster(
        images={"tritonserver": NOT_FOUND, "vegeta": NEVER_RAN},
        refused={
            "Pod mlflow-": (403, {"message": POD_SECURITY}),
            "ConfigMap codeset": (409, {"message": 'configmaps "codeset" already exists'}),
        },
        forbidden=["create pods/portforward"],
        quotas=[quota],
    )
    text = failure(cluster, tmp_path, CPU)
    for fact in (
        "may not create pods/portforward in namespace triton-acceptance-",
        "auth can-i create pods/portforward -n",
        "violates PodSecurity",
        "pod-security.kubernetes.io/enforce=LEVEL",
        "ConfigMap codeset is in namespace",
        "ResourceQuota tight leaves 1 of pods, and triton-cpu, load-cpu",
        "can't have its image nvcr.io/nvidia/tritonserver",
        "--images FILE",
        "could not be started (StartError): exec format error",
    ):
        assert fact in text
    assert "of requests.memory" not in text  # there is enough
    assert created(cluster, "Job") == []


@pytest.mark.parametrize(("image", "state"), [("trainer", NO_PROGRAM), ("tritonserver", OWN_PROGRAM)])
def test_an_image_that_lacks_what_the_run_calls_is_named(tmp_path, image, state):
    text = failure(StrictCluster({image: state}), tmp_path, CPU)
    assert "exited with" in text
    assert image in text


def test_pods_that_fit_the_quota_alone_and_not_at_once_are_named(tmp_path):
    quota = {"metadata": {"name": "tight"}, "spec": {"hard": {"requests.memory": "1Gi", "limits.cpu": "64"}}}
    text = failure(StrictCluster(quotas=[quota]), tmp_path, CPU)
    for fact in ("ResourceQuota tight leaves 1024Mi of requests.memory", "mlflow", "2560Mi"):
        assert fact in text
    assert "limits.cpu" not in text


def test_what_openshifts_quotas_of_several_namespaces_leave_is_looked_at_too(tmp_path):
    hard = {"requests.memory": "10Gi"}
    shared = {
        "metadata": {"name": "for-a-team"},
        "spec": {"quota": {"hard": hard}, "selector": {"annotations": {"openshift.io/requester": "a"}}},
        "status": {"total": {"hard": hard, "used": {"requests.memory": "9Gi"}}, "namespaces": []},
    }
    text = failure(StrictCluster(shared=[shared]), tmp_path, CPU)
    assert "ClusterResourceQuota for-a-team leaves 1024Mi of requests.memory" in text


def test_a_webhook_that_takes_no_dry_run_is_no_problem(tmp_path):
    words = 'admission webhook "x.example" does not support dry run'
    cluster = StrictCluster(refused={"Deployment triton-cpu": (400, {"message": words})})
    with stack_on(cluster, tmp_path) as stack:
        stack.look_ahead(CPU)
    assert "image-trainer" in created(cluster, "Pod")


@pytest.mark.parametrize(
    "right",
    [
        *(
            "delete namespaces",
            "create resourcequotas",
            "create networkpolicies.networking.k8s.io",
            "list serviceaccounts",
        ),
        *("create pods", "watch events", "create deployments.apps", "delete jobs.batch", "get pods/log"),
    ],
)
def test_a_right_that_is_missing_is_named_alone(tmp_path, right):
    text = failure(StrictCluster(forbidden=[right]), tmp_path, CPU)
    verb, resource = right.split()
    assert f"may not {verb} {resource} in namespace" in text
    assert "problems:" not in text


def test_rights_on_nodes_are_asked_for_where_a_gpu_is_demanded(tmp_path):
    cluster = StrictCluster(forbidden=["list nodes"], gpus=True)
    with stack_on(cluster, tmp_path) as stack:
        for require_gpu, found in ((True, ["nodes"]), (False, [])):
            preflight = preflight_of(stack, GPU, require_gpu)
            assert [
                word for word in found if f"list {word} in the cluster" in str(preflight.missing_gpu_rights())
            ] == found
            assert bool(preflight.missing_gpu_rights()) is require_gpu


def test_a_device_plugin_that_can_not_start_is_not_waited_for(tmp_path):
    cluster = StrictCluster({"k8s-device-plugin": NOT_FOUND})
    with stack_on(cluster, tmp_path) as stack:
        plugin = {"kind": "Pod", "metadata": {"name": "image-nvidia-device-plugin"}}
        image = "nvcr.io/nvidia/k8s-device-pluginn:v1"
        cluster.put(
            "/api/v1/namespaces/kube-system/pods",
            plugin | {"spec": {"containers": [{"name": "plugin", "image": image}]}},
        )
        began = time.monotonic()
        stack.gpu_access.wait_for_plugin()
        assert time.monotonic() - began < 60


def test_an_image_that_is_still_pulled_goes_on_beside_the_run_and_ends_it_where_it_fails(tmp_path):
    cluster = StrictCluster({"tritonserver": PULLING})
    with stack_on(cluster, tmp_path) as stack:
        began = time.monotonic()
        preflight = preflight_of(stack, CPU)
        assert preflight.problems(image_seconds=1) == []
        assert time.monotonic() - began < 15
        pods = stack.namespace.pods
        wait_until("the pod to be seen", lambda: Ready(None) if pods.named("image-triton") else "no pod yet", 15)
        stack.check()
        path = f"/api/v1/namespaces/{stack.namespace.name}/pods"
        with cluster.changed:
            pod = cluster.objects[path]["image-triton"]
            pod["status"]["containerStatuses"][0]["state"] = NOT_FOUND
            cluster.tell(path, "MODIFIED", pod)
        with pytest.raises(AcceptanceError, match="can't have its image") as raised:
            stack.namespace.waits.gone("image-triton")
        with pytest.raises(AcceptanceError) as again:
            stack.check()
        assert again.value is raised.value
