"""What is left of an InferenceService, by the answers of a cluster's API server."""

import pytest

from acceptance.kserve.leftovers import left_of, some
from tests.unit.kubernetes.api_server import cluster_of, running_api_server

NAME = "triton-cpu-1"
CORE, APPS = "/api/v1/namespaces/ns", "/apis/apps/v1/namespaces/ns"
SERVICES = "/apis/serving.kserve.io/v1beta1/namespaces/ns/inferenceservices"
FORBIDDEN = (403, {"message": "no"})


def listing(*names):
    return 200, {"items": [{"metadata": {"name": name}} for name in names]}


def left(tmp_path, answers):
    nothing = {
        f"{CORE}/pods": listing(),
        f"{CORE}/services": listing("mlflow"),
        f"{APPS}/deployments": listing("mlflow"),
        f"{APPS}/replicasets": listing(),
        "/apis/autoscaling/v2/namespaces/ns/horizontalpodautoscalers": listing(),
        "/apis/networking.k8s.io/v1/namespaces/ns/ingresses": listing(),
        SERVICES: listing(),
    }
    with running_api_server() as server:
        server.answers.update(nothing | answers)
        with cluster_of(tmp_path, server.address).api() as api:
            return left_of(api, NAME, "ns")


def test_what_others_have_is_not_its(tmp_path):
    assert (
        left(tmp_path, {SERVICES: listing("triton-cpu-12"), f"{CORE}/pods": listing("triton-cpu-12-predictor-x")}) == []
    )


@pytest.mark.parametrize(
    ("path", "name", "found"),
    [
        (SERVICES, NAME, f"InferenceService {NAME}"),
        (f"{CORE}/pods", f"{NAME}-predictor-6b-x", f"Pod {NAME}-predictor-6b-x"),
        (f"{CORE}/services", f"{NAME}-predictor", f"Service {NAME}-predictor"),
        (f"{APPS}/replicasets", f"{NAME}-predictor-6b", f"ReplicaSet {NAME}-predictor-6b"),
        (
            "/apis/gateway.networking.k8s.io/v1/namespaces/ns/httproutes",
            f"{NAME}-predictor",
            f"HTTPRoute {NAME}-predictor",
        ),
    ],
)
def test_each_kind_is_named(tmp_path, path, name, found):
    assert left(tmp_path, {path: listing(name)}) == [found]
    problem = some([found])
    assert problem
    assert found in problem.what


def test_what_may_not_be_listed_is_not_there(tmp_path):
    answers = {f"{CORE}/services": FORBIDDEN, f"{CORE}/pods": listing(f"{NAME}-predictor-x")}
    assert left(tmp_path, answers) == [f"Pod {NAME}-predictor-x"]
    assert some([]) is None
