"""All that a run sends to an API server is known to each release from 1.28 on, by what that publishes of its API."""

import copy
import re
import typing
from types import SimpleNamespace
from typing import Any

import pytest
from kubernetes import client

from acceptance.gpu.node import GPU_RESOURCE
from acceptance.kserve import service
from acceptance.kserve.installation import Installation
from acceptance.kserve.runtime import own_runtime
from acceptance.kubernetes import admission, gateways, manifests
from acceptance.kubernetes.kinds import CUSTOM
from acceptance.kubernetes.sidecars import MESHES
from acceptance.load.result import LoadPlan
from acceptance.paths import CODESET, MANIFESTS, ROOT
from acceptance.serving.endpoint import Endpoint
from acceptance.stacks import kubernetes_objects as objects
from acceptance.stacks.kubernetes_preflight import COMMANDS, Preflight
from acceptance.storage.location import Location
from acceptance.storage.minio import Minio
from acceptance.training.recipes import Recipe
from acceptance.training.server import UsersServer
from tests.contract.published_api import RELEASES, published
from tests.unit.kubernetes.small_cluster import SmallCluster
from tests.unit.stacks.test_kubernetes import RUN, stack_on

NAMESPACE = "team-ml"
MIG = "nvidia.com/mig-1g.5gb"
# what a site may ask of pods
SITE = {
    "label": ["team=ml"],
    "annotation": ["owner=platform"],
    "node_selector": ["disk=fast"],
    "toleration": ["spot=yes:NoSchedule", "gpu"],
    "priority_class": "high",
    "runtime_class": "nvidia-cdi",
    "gpu_resource": MIG,
    "storage_class": "fast",
    "pull_secret": "platform/registry",
    "store": "minio",
}
# the groups and versions that the suite's sources name
APIS = re.compile(r"\bclient\.(\w+V\d\w*Api|VersionApi|ApisApi)\b|\b(NodeV1Api)\(")
CONTAINERS = {"containers": [{"name": "x"}]}
YOUNGER: dict[str, tuple[str, str, dict[str, Any]]] = {  # by the first release that has it
    "1.30": ("Job", "spec.successPolicy", {"template": {"spec": CONTAINERS}, "successPolicy": {"rules": []}}),
    "1.32": ("Pod", "spec.resources", {**CONTAINERS, "resources": {"limits": {"cpu": "1"}}}),
}
# what later releases publish as fields that must be there, and earlier ones have sent all the same
ALWAYS_SENT = {"V1Deployment.spec", "V1HostAlias.ip", "V1HostIP.ip", "V1PodIP.ip"}
PATHS = {"Job": "/apis/batch/v1/namespaces/x/jobs", "Pod": "/api/v1/namespaces/x/pods"}


class Noting(SmallCluster):
    """Notes what is posted to it, tried out or not, with its path."""

    def __init__(self):
        super().__init__()
        self.posted = []
        gpus = {"capacity": {MIG: "1"}, "allocatable": {MIG: "1"}}
        self.objects["/api/v1/nodes"] = {
            "n1": {"metadata": {"name": "n1", "uid": "n1", "labels": {"disk": "fast"}}, "status": gpus}
        }
        labels = {"istio-injection": "enabled", "kuma.io/sidecar-injection": "enabled", "linkerd.io/inject": "enabled"}
        self.put("/api/v1/namespaces", {"kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}})
        about = {"metadata": {"name": "registry"}, "type": "kubernetes.io/dockercfg", "data": {".dockercfg": "e30="}}
        self.put("/api/v1/namespaces/platform/secrets", {"kind": "Secret", **about})

    def post(self, path, body):
        self.posted.append((path, copy.deepcopy(body)))
        return super().post(path, body)

    def try_out(self, path, body):
        self.posted.append((path, copy.deepcopy(body)))
        return body


class Store:
    """In the place of a run's prefix in a bucket."""

    location = Location("models", "ci/run")
    artifacts = location.beneath("artifacts")

    def __init__(self, authority):
        self.authority = authority

    def variables(self):
        keys = {"AWS_ACCESS_KEY_ID": "ann", "AWS_SECRET_ACCESS_KEY": "hers", "AWS_CA_BUNDLE": str(self.authority)}
        return {"AWS_ENDPOINT_URL_S3": "https://minio:9000", "AWS_DEFAULT_REGION": "eu-central-1", **keys}


def all_objects(stack, folder):
    """Return all that a run makes, with all that options add to it, but what its namespace is made of."""
    (folder / "authority.pem").write_text("a certificate")
    store = Store(folder / "authority.pem")
    server = UsersServer(
        "https://mlflow.example.com", "nightly", {"MLFLOW_TRACKING_SERVER_CERT_PATH": str(store.authority)}
    )
    recipe, dataset = Recipe("gpu", "quick", 2), SimpleNamespace(folder=CODESET, files=lambda: [CODESET / "train.py"])
    endpoint = Endpoint("triton-gpu-1", "", "", "", "cifar10", "gpu", RUN, inside="triton-gpu-1:8000")
    look = Preflight(stack.namespace, stack.gpu_access, frozenset(), "onnxruntime", False, stack.serving.planned)
    of_kserve = service.inference_service("triton-gpu-1", "s3://models/ci", own_runtime(), Installation("", "", True))
    return [
        *objects.mlflow(store),  # type: ignore[arg-type]
        *objects.minio(Minio(folder / "minio", ["minio"])),
        *objects.tracking_server(server),
        objects.server_check({"WHERE": "here"}),
        objects.codeset(CODESET),
        *(objects.training_job("training-gpu-1", recipe, dataset, one) for one in (server, None)),  # type: ignore[arg-type]
        *objects.predictor("triton-gpu-1", RUN, "gpu", "onnxruntime", "/site-packages"),
        *objects.load("load-gpu-1", endpoint, LoadPlan(600, 1, b"{}"), "loads/1.csv"),
        *(look.image_pod(image, gpu=True) for image in (*COMMANDS, "triton", "cuda-vector-add", "minio")),
        *service.reader(store.variables(), objects.AUTHORITY),
        service.trial_pod("triton-gpu-1", "s3://models/ci", own_runtime(), of_kserve[-1]),
        gateways.policy("istio-system", (8080, 9000)),
        # the rest, as it lies there
        *(
            manifest
            for component in sorted(folder.name for folder in MANIFESTS.iterdir() if folder.is_dir())
            for manifest in manifests.read_component(component)
            if manifest["kind"] not in CUSTOM
        ),
    ]


@pytest.fixture(scope="module")
def sent(tmp_path_factory):
    """All that is posted by a run in a namespace of its own and in one that is given, as it reaches the API server."""
    found = []
    for given in ({}, {"namespace": NAMESPACE}):
        cluster, folder = Noting(), tmp_path_factory.mktemp("run")
        with stack_on(cluster, folder, **SITE, **given) as stack:
            namespace = stack.namespace
            assert len(namespace.meshes) == (len(MESHES) if given else 0)
            for manifest in all_objects(stack, folder):
                if manifests.pod_of(manifest):
                    container = next(manifests.containers_of(manifest))
                    container.setdefault("resources", {}).setdefault("limits", {})
                    stack.gpu_access.give(manifest, container["name"])
                namespace.create(copy.deepcopy(manifest))
                # the pods of it, as they are tried out
                with stack.cluster.api() as api:
                    assert admission.try_out(namespace, api, namespace.fit(manifest))[1] == []
        found += cluster.posted
    return found


@pytest.fixture(scope="module")
def releases():
    return published()


def test_nothing_that_options_add_is_left_out(sent):
    """Else there was nothing to see in what the releases know."""
    kinds = {body["kind"] for _, body in sent}
    assert kinds >= {"Pod", "Deployment", "DaemonSet", "Job", "Service", "ConfigMap", "Secret", "ServiceAccount"}
    assert kinds >= {"Namespace", "ResourceQuota", "NetworkPolicy", "ClusterRole"}
    said = str(sent)
    for word in ("priorityClassName", "runtimeClassName", "imagePullSecrets", "volumeClaimTemplate", "nodeAffinity"):
        assert word in said, word
    for word in ("'spot'", MIG, "matchExpressions", "namespaceSelector", "generateName", "secretRef", "preStop"):
        assert (word in said) == (word != "preStop"), word  # of KServe's and Seldon's objects alone
    assert f"'{GPU_RESOURCE}': '1'" not in said
    for mesh in MESHES:
        assert all(f"'{key}': '{value}'" in said for key, value in {**mesh.labels, **mesh.annotations}.items())


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_knows_all_that_it_is_sent(releases, sent, name):
    unknown = [one for path, body in sent for one in releases[name].unknown(path, body)]
    assert sorted(set(unknown)) == []


def calls():
    """Return the (API class, call) of the library that the suite's sources name."""
    text = "\n".join(file.read_text() for file in [*(ROOT / "acceptance").rglob("*.py"), *ROOT.glob("tools/*.py")])
    apis = {one for found in APIS.findall(text) for one in found if one}
    words = set(re.findall(r"\b[a-z]+_\w+\b", text))
    return {(api, name) for api in apis for name in words & set(vars(getattr(client, api)))}


def test_the_calls_are_found_by_their_names():
    found = calls()
    assert len({api for api, _ in found}) >= 12
    assert found >= {
        ("CoreV1Api", "list_namespaced_pod"),
        ("CoreV1Api", "connect_get_namespaced_pod_portforward"),
        ("BatchV1Api", "delete_collection_namespaced_job"),
        ("AuthenticationV1Api", "create_self_subject_review"),
        ("NodeV1Api", "read_runtime_class"),
        ("VersionApi", "get_code_with_http_info"),
    }


@pytest.mark.parametrize("name", RELEASES)
def test_a_release_has_every_call(releases, name):
    release = releases[name]
    refused = [release.refuses_call(api, call.removesuffix("_with_http_info")) for api, call in sorted(calls())]
    assert list(filter(None, refused)) == []


@pytest.mark.parametrize("name", RELEASES)
def test_the_library_asks_for_nothing_in_an_answer_that_a_release_may_leave_out(releases, name):
    """The installed one is of a newer release, and raises for an answer without what it must have."""
    release, seen, missing = releases[name], set(), []
    answers = {release.calls(api)[call.removesuffix("_with_http_info")].answer for api, call in calls()}
    left = [(answer, getattr(client, answer)) for answer in sorted(answers) if release.model(answer)]
    while left:
        of, installed = left.pop()
        if of in seen:
            continue
        seen.add(of)
        fields, required = release.model(of)
        for own, field in installed.model_fields.items():
            in_json = field.serialization_alias or own
            if field.is_required() and in_json not in required:
                missing.append(f"{of}.{in_json}")
            # a type of the release's may have another name in the library
            for inner in filter(release.model, re.findall(r"\w+", fields.get(in_json, ""))):
                left.append((inner, model_in(field.annotation)))
    assert len(seen) > 200
    assert set(missing) <= ALWAYS_SENT


def model_in(annotation):
    """Return the library's class that an annotation has in it, as List[V1Pod] has."""
    if hasattr(annotation, "model_fields"):
        return annotation
    return next(filter(None, map(model_in, typing.get_args(annotation))), None)


# --- that it can tell


@pytest.mark.parametrize("name", RELEASES)
def test_a_made_up_field_kind_or_call_is_named_with_its_place_and_the_release(releases, name):
    release = releases[name]
    (pod,) = manifests.read_component("gpu-probe")
    assert release.unknown(PATHS["Pod"], pod) == []
    pod["spec"]["containers"][0]["resources"]["limts"] = {}
    pod["spec"]["containers"][0]["command"] = "sh"
    del pod["spec"]["containers"][0]["name"]
    said = f"Kubernetes {name}, Pod gpu-probe: spec.containers[0]"
    assert release.unknown(PATHS["Pod"], pod) == [
        f"{said}.name is missing",
        f"{said}.command is no list[str]: 'sh'",
        f"{said}.resources.limts is no field of V1ResourceRequirements",
    ]
    (no_such,) = release.unknown("/apis/apps/v2/namespaces/x/deployments", manifests.read_kind("triton", "Deployment"))
    assert no_such == f"Kubernetes {name} creates nothing at /apis/apps/v2/namespaces/x/deployments: Deployment triton"
    assert release.refuses_call("CoreV1Api", "list_namespaced_dog") == (
        f"Kubernetes {name} has no list_namespaced_dog of CoreV1Api"
    )


@pytest.mark.parametrize("first", YOUNGER)
def test_a_field_that_is_younger_than_1_28_is_named_by_the_releases_that_lack_it(releases, first):
    kind, place, spec = YOUNGER[first]
    made = {"kind": kind, "metadata": {"name": "x"}, "spec": spec}
    lack = [name for name in RELEASES if releases[name].unknown(PATHS[kind], made)]
    assert lack == RELEASES[: RELEASES.index(first)]
    (said,) = releases["1.28"].unknown(PATHS[kind], made)
    assert said == f"Kubernetes 1.28, {kind} x: {place} is no field of V1{kind}Spec"
    # and of a call that came with 1.34
    lack = [name for name in RELEASES if releases[name].refuses_call("ResourceV1Api", "list_device_class")]
    assert lack == RELEASES[:-1]
