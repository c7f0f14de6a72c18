"""What is found out of a cluster's KServe, by the answers of its API server."""

import json

import pytest

from acceptance.errors import BadSetting, Problem
from acceptance.kserve.installation import Installation, find_kserve
from acceptance.kserve.routes import Routes
from acceptance.kserve.runtime import find_runtime, own_runtime
from tests.unit.kubernetes.api_server import cluster_of, running_api_server

DISCOVERY = "/apis/serving.kserve.io/v1beta1"
KNATIVE = "/apis/serving.knative.dev/v1"
NETWORK = "/api/v1/namespaces/knative-serving/configmaps/config-network"
WEBHOOK = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/inferenceservice.serving.kserve.io"
FORBIDDEN = (403, {"message": "no"})
RUNTIMES = "/apis/serving.kserve.io/v1alpha1/clusterservingruntimes"


def resources(*names):
    found = [{"name": name, "kind": "K", "namespaced": True, "singularName": "", "verbs": []} for name in names]
    return 200, {"groupVersion": "serving.kserve.io/v1beta1", "resources": found}


def controller(image):
    pod = {"metadata": {}, "spec": {"containers": [{"name": "manager", "image": image}]}}
    return 200, {"metadata": {"name": "m"}, "spec": {"selector": {}, "template": pod}}


def configuration(**deploy):
    return 200, {"metadata": {"name": "c"}, "data": {"deploy": json.dumps(deploy)}}


def webhook(namespace):
    service = {"name": "w", "namespace": namespace}
    hook = {"name": "h", "clientConfig": {"service": service}, "sideEffects": "None", "admissionReviewVersions": ["v1"]}
    return 200, {"metadata": {"name": "w"}, "webhooks": [hook]}


def found_in(tmp_path, answers, look=find_kserve, **more):
    with running_api_server() as server:
        server.answers.update(answers)
        return look(cluster_of(tmp_path, server.address), **more)


@pytest.mark.parametrize("answer", [(404, {"message": "no such group"}), resources("inferencegraphs")])
def test_a_cluster_that_knows_no_inference_service_has_no_kserve(tmp_path, answer):
    found = found_in(tmp_path, {DISCOVERY: answer})
    assert isinstance(found, Problem)
    assert "context lab has no KServe" in found.what
    assert "--predictor kserve" in found.fix


@pytest.mark.parametrize(("version", "words"), [("0.15.2", "KServe 0.15.2 can't"), ("0.16.0", ""), ("", "")])
def test_a_kserve_that_is_known_to_be_too_old_stops_nothing(version, words):
    assert Installation(version).cannot_stop.startswith(words)
    assert bool(Installation(version).cannot_stop) == bool(words)


V20, V16, V15 = (f"kserve/kserve-controller:v{version}" for version in ("0.20.0", "0.16.0-rc1", "0.15.2"))


@pytest.mark.parametrize(
    ("image", "default", "knative", "version", "mode", "annotation"),
    [
        (V20, "Standard", False, "0.20.0", "Standard", ""),
        (V20, "Standard", True, "0.20.0", "Standard", ""),
        (V15, "RawDeployment", False, "0.15.2", "Standard", ""),
        (V20, "Knative", True, "0.20.0", "Knative", ""),
        (V16, "Serverless", True, "0.16.0", "Knative", ""),
        (V15, "Serverless", True, "0.15.2", "Knative", ""),
        # KServe's own default, on a cluster without Knative: nothing would be served
        ("mirror:5000/kserve:v0.15.2@sha256:0123", "Serverless", False, "0.15.2", "Standard", "RawDeployment"),
        (V16, "Serverless", False, "0.16.0", "Standard", "Standard"),
        ("kserve/kserve-controller:latest", "Knative", False, "", "Standard", "Standard"),
        (V20, "ModelMesh", True, "0.20.0", "Standard", "Standard"),
    ],
)
def test_version_and_mode_are_the_clusters_own_and_asked_for_only_where_its_default_serves_nothing(
    tmp_path, image, default, knative, version, mode, annotation
):
    answers = {
        DISCOVERY: resources("inferenceservices"),
        KNATIVE: resources("services") if knative else (404, {"message": "no such group"}),
        WEBHOOK: webhook("platform"),
        "/apis/apps/v1/namespaces/platform/deployments/kserve-controller-manager": controller(image),
        "/api/v1/namespaces/platform/configmaps/inferenceservice-config": configuration(defaultDeploymentMode=default),
    }
    found = found_in(tmp_path, answers)
    assert (found.version, found.mode, found.annotation) == (version, mode, annotation)
    assert f"{mode} mode" in str(found)


@pytest.mark.parametrize(
    ("network", "gateway"),
    [
        ({"ingress-class": "kourier.ingress.networking.knative.dev"}, "kourier-system/kourier"),
        ({"ingress.class": "contour.ingress.networking.knative.dev"}, "contour-external/envoy"),
        ({}, "istio-system/istio-ingressgateway"),
        (None, "istio-system/istio-ingressgateway"),
    ],
)
def test_in_knative_mode_the_gateway_is_that_of_knatives_network_layer(tmp_path, network, gateway):
    where = "/api/v1/namespaces/kserve/configmaps/inferenceservice-config"
    answers = {
        DISCOVERY: resources("inferenceservices"),
        KNATIVE: resources("services"),
        where: configuration(defaultDeploymentMode="Knative"),
        NETWORK: FORBIDDEN if network is None else (200, {"metadata": {"name": "n"}, "data": network}),
    }
    routes = found_in(tmp_path, answers).routes
    assert (routes.kind, routes.name) == ("Service", gateway)
    assert {gateway.partition("/")[0], "knative-serving"} <= set(routes.namespaces)


def test_what_the_account_may_not_read_is_left_open(tmp_path):
    where = "/api/v1/namespaces/kserve/configmaps/inferenceservice-config"
    found = found_in(tmp_path, {DISCOVERY: resources("inferenceservices"), WEBHOOK: FORBIDDEN, where: FORBIDDEN})
    assert (found.version, found.default, found.mode, found.annotation) == ("", "", "Standard", "Standard")
    assert "may not read" in str(found)
    assert found.routes == Routes(why="KServe's configuration of its ingress can't be read")


@pytest.mark.parametrize("data", [{}, {"deploy": "no JSON"}, {"deploy": "{}"}, {"deploy": "[]"}])
def test_a_configuration_that_says_nothing_of_the_mode_leaves_it_open(tmp_path, data):
    where = "/api/v1/namespaces/kserve/configmaps/inferenceservice-config"
    answers = {DISCOVERY: resources("inferenceservices"), where: (200, {"metadata": {"name": "c"}, "data": data})}
    assert found_in(tmp_path, answers).default == ""


# --- its runtimes


def container(*more):
    arguments = ["tritonserver", "--model-store=/mnt/models", "--grpc-port=9000", "--http-port=8080", *more]
    return {"name": "kserve-container", "image": "theirs:23.05", "args": arguments}


def runtime(**changes):
    spec = {
        "supportedModelFormats": [{"name": "onnx", "version": "1"}, {"name": "triton", "version": "2"}],
        "protocolVersions": ["v2", "grpc-v2"],
        "containers": [container()],
    }
    return 200, {"metadata": {"name": "r"}, "spec": {**spec, **changes}}


def test_the_clusters_usual_runtime_is_taken_with_its_ports(tmp_path):
    found = found_in(tmp_path, {f"{RUNTIMES}/kserve-tritonserver": runtime()}, find_runtime, name="")
    assert (found.name, found.image) == ("kserve-tritonserver", "theirs:23.05")
    assert [found.port(of) for of in ("http", "grpc", "metrics")] == [8080, 9000, 8002]


@pytest.mark.parametrize("word", [("--allow-grpc=false",), ("--allow-grpc", "0"), ("--allow-grpc=False",)])
def test_a_runtime_may_have_no_grpc(tmp_path, word):
    answer = runtime(containers=[container(*word)])
    found = found_in(tmp_path, {f"{RUNTIMES}/kserve-tritonserver": answer}, find_runtime, name="")
    assert [found.port(of) for of in ("http", "grpc", "metrics")] == [8080, 0, 8002]


UNFIT = [
    (runtime(disabled=True), "it is disabled"),
    (runtime(supportedModelFormats=[{"name": "onnx"}]), "it takes onnx, and not triton"),
    (runtime(protocolVersions=["v1"]), "it speaks v1, and not v2"),
    (runtime(containers=[{"name": "main", "image": "theirs"}]), "it has no container kserve-container"),
    (runtime(containers=[container("--allow-http=False")]), "turns Triton's http off"),
    (runtime(containers=[container("--allow-metrics", "0")]), "turns Triton's metrics off"),
    ((404, {"message": "not found"}), "there is no such ClusterServingRuntime"),
    (FORBIDDEN, "may not read it"),
]


@pytest.mark.parametrize(("answer", "words"), UNFIT)
def test_one_that_does_not_fit_is_left_and_one_that_was_named_is_refused(tmp_path, answer, words):
    answers = {f"{RUNTIMES}/{name}": answer for name in ("kserve-tritonserver", "blue")}
    assert found_in(tmp_path, answers, find_runtime, name="") == own_runtime()
    with pytest.raises(BadSetting, match=f"--runtime blue: .*{words}"):
        found_in(tmp_path, answers, find_runtime, name="blue")


def test_the_runs_own_fits_by_the_same_rules():
    assert own_runtime().misfit == ""
    assert [own_runtime().port(of) for of in ("http", "grpc", "metrics")] == [8080, 9000, 8002]
