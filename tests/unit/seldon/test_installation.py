"""What is found out of a cluster's Seldon Core, by the answers of its API server."""

import pytest

from acceptance.errors import Problem
from acceptance.seldon.installation import Installation, find_seldon
from tests.unit.kubernetes.api_server import cluster_of, running_api_server

GROUP = "/apis/machinelearning.seldon.io"
ALL = "/apis/apps/v1/deployments"
USUAL = "/apis/apps/v1/namespaces/seldon-system/deployments/seldon-controller-manager"
FORBIDDEN = (403, {"message": "no"})
OPERATOR = "docker.io/seldonio/seldon-core-operator:1.17.1"


def resources(version, *names):
    found = [{"name": name, "kind": "K", "namespaced": True, "singularName": "", "verbs": []} for name in names]
    return 200, {"groupVersion": f"machinelearning.seldon.io/{version}", "resources": found}


def controller(image=OPERATOR, available=1):
    pod = {"metadata": {}, "spec": {"containers": [{"name": "manager", "image": image}]}}
    about = {"name": "seldon-controller-manager", "namespace": "ml"}
    return {"metadata": about, "spec": {"selector": {}, "template": pod}, "status": {"availableReplicas": available}}


def listing(*items):
    return 200, {"metadata": {}, "items": list(items)}


def found_in(tmp_path, **answers):
    with running_api_server() as server:
        server.answers.update({f"{GROUP}/v1": resources("v1", "seldondeployments"), ALL: listing(), **answers})
        return find_seldon(cluster_of(tmp_path, server.address))


@pytest.mark.parametrize(
    ("answers", "what", "fix"),
    [
        ({f"{GROUP}/v1": (404, {"message": "no such group"})}, "context lab has no Seldon Core 1", "leave out"),
        ({f"{GROUP}/v1": resources("v1", "others")}, "context lab has no Seldon Core 1", "leave out --predictor"),
        (
            {
                f"{GROUP}/v1": (404, {"message": "no such version"}),
                f"{GROUP}/v1alpha2": resources("v1alpha2", "seldondeployments"),
            },
            "serves SeldonDeployments as v1alpha2, and the suite makes machinelearning.seldon.io/v1",
            "update its Seldon Core to 1.1",
        ),
        ({}, "no controller: no Deployment has the label control-plane=seldon-controller-manager", "install Seldon"),
        (
            {ALL: listing(controller(available=0))},
            "controller is not ready: no pod of Deployment ml/seldon-controller-manager",
            "-n ml describe deployment seldon-controller-manager",
        ),
    ],
)
def test_what_the_cluster_lacks_is_named_with_its_fix(tmp_path, answers, what, fix):
    found = found_in(tmp_path, **answers)
    assert isinstance(found, Problem)
    assert what in found.what
    assert fix in found.fix


@pytest.mark.parametrize(
    ("answers", "version"),
    [
        ({ALL: listing(controller())}, "1.17.1"),
        ({ALL: listing(controller("mirror:5000/seldon:v1.18.2@sha256:01"))}, "1.18.2"),
        ({ALL: listing(controller("seldon:latest"))}, ""),
        # an account that sees its own namespaces alone
        ({ALL: FORBIDDEN, USUAL: (200, controller())}, "1.17.1"),
        ({ALL: FORBIDDEN, USUAL: FORBIDDEN}, ""),
    ],
)
def test_its_version_is_its_controllers_as_far_as_that_may_be_read(tmp_path, answers, version):
    assert found_in(tmp_path, **answers) == Installation(version)


def test_the_head_of_the_report_says_that_its_controller_was_never_seen():
    assert str(Installation("1.17.1")).startswith("1.17.1, by its published contract: the suite was never tried")
    assert "may not read" in str(Installation())
