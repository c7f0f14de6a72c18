"""What the options name on a site's cluster is looked for before anything starts."""

import base64
import json
from typing import Any

import pytest

from acceptance.errors import BadSetting
from acceptance.kubernetes.site import copy_pull_secret, problems, unusable
from acceptance.settings import PodRules
from tests.unit.kubernetes.api_server import cluster_of
from tests.unit.problems import assert_problem

CLASSES = {
    "priority_class": "/apis/scheduling.k8s.io/v1/priorityclasses",
    "runtime_class": "/apis/node.k8s.io/v1/runtimeclasses",
    "storage_class": "/apis/storage.k8s.io/v1/storageclasses",
}
# what the client insists on besides the name
REST = {"value": 0, "handler": "it", "provisioner": "site/disks"}
SECRET = "/api/v1/namespaces/platform/secrets/registry"  # noqa: S105
RULES = PodRules(pull_secret="platform/registry")  # noqa: S106
LOGINS = {"auths": {"registry.site": {"username": "u", "password": "very-secret-word", "auth": "dTp2ZXJ5LXNlY3JldA=="}}}


def rules(rule, name):
    given: dict[str, Any] = {rule: name}
    return PodRules(**given)


def listing(*names, **more):
    return 200, {"items": [{"metadata": {"name": name}, **REST, **more} for name in names]}


def a_secret(kind="kubernetes.io/dockerconfigjson", key=".dockerconfigjson", content=None):
    data = base64.b64encode(json.dumps(content or LOGINS).encode()).decode()
    return 200, {"metadata": {"name": "registry", "namespace": "platform"}, "type": kind, "data": {key: data}}


@pytest.fixture
def cluster(api_server, tmp_path):
    return cluster_of(tmp_path, api_server.address)


@pytest.mark.parametrize(("rule", "path"), CLASSES.items())
def test_a_class_that_is_not_there_is_named_with_those_that_are(cluster, api_server, rule, path):
    option = f"--{rule.replace('_', '-')}"
    api_server.answers[path] = listing("slow", "fast")
    (problem,) = problems(cluster, rules(rule, "quick"))
    assert_problem(problem, f"{option} quick: the cluster has no such class", "it has fast, slow")
    assert problems(cluster, rules(rule, "fast")) == []


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(("rule", "path"), CLASSES.items())
def test_a_class_that_may_not_be_asked_for_is_left_to_the_pods(cluster, api_server, rule, path, status):
    api_server.answers[path] = (status, {"message": "no"})
    assert problems(cluster, rules(rule, "fast")) == []


def test_a_selector_that_no_node_has_is_named(cluster, api_server):
    api_server.answers["/api/v1/nodes"] = (200, {"items": [{"metadata": {"name": "n1", "labels": {"disk": "slow"}}}]})
    (problem,) = problems(cluster, PodRules(node_selector={"disk": "fast"}))
    assert_problem(problem, "--node-selector: no node has disk=fast", "--show-labels")
    assert problems(cluster, PodRules(node_selector={"disk": "slow"})) == []


def test_without_rules_the_cluster_is_asked_nothing(cluster, api_server):
    assert problems(cluster, PodRules()) == []
    assert api_server.asked == []


def test_a_pull_secret_is_copied_as_it_is_and_what_it_holds_is_kept_out_of_reports(cluster, api_server):
    api_server.answers[SECRET] = a_secret()
    found = copy_pull_secret(cluster, RULES)
    assert (found["kind"], found["metadata"]["name"]) == ("Secret", "registry")
    assert found["type"] == "kubernetes.io/dockerconfigjson"
    assert json.loads(base64.b64decode(found["data"][".dockerconfigjson"])) == LOGINS
    said = cluster.redactor.text(f"very-secret-word dTp2ZXJ5LXNlY3JldA== {found['data']}")
    assert "very-secret-word" not in said
    assert "dTp2ZXJ5" not in said
    assert found["data"][".dockerconfigjson"] not in said
    assert problems(cluster, RULES) == []


def test_an_older_pull_secret_is_taken_too(cluster, api_server):
    api_server.answers[SECRET] = a_secret("kubernetes.io/dockercfg", ".dockercfg", LOGINS["auths"])
    assert ".dockercfg" in copy_pull_secret(cluster, RULES)["data"]
    assert "very-secret-word" not in cluster.redactor.text("very-secret-word")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((404, {"message": "not found"}), "--pull-secret platform/registry: there is no such Secret; look at `kubectl"),
        ((403, {"message": "no"}), "--pull-secret platform/registry: user .* may not read it"),
        (a_secret("Opaque"), "it is of type Opaque; a pull secret is made by `kubectl create secret docker-registry`"),
        (a_secret(key="config.json"), "it is of type kubernetes.io/dockerconfigjson; a pull secret is made by"),
    ],
)
def test_a_pull_secret_that_cannot_be_copied_is_named(cluster, api_server, answer, words):
    api_server.answers[SECRET] = answer
    with pytest.raises(BadSetting, match=words):
        copy_pull_secret(cluster, RULES)
    (problem,) = problems(cluster, RULES)
    assert "--pull-secret platform/registry" in str(problem)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((200, {"metadata": {"name": "ns"}, "status": {"phase": "Active"}}), ()),
        ((403, {"message": "no"}), ()),
        ((404, {"message": "no"}), ("--namespace ns: there is no such namespace", "get namespaces")),
        (
            (200, {"metadata": {"name": "ns"}, "status": {"phase": "Terminating"}}),
            ("--namespace ns: it is Terminating", "name another"),
        ),
    ],
)
def test_a_namespace_that_is_not_there_or_going_is_named(cluster, api_server, answer, words):
    api_server.answers["/api/v1/namespaces/ns"] = answer
    assert_problem(unusable(cluster, "ns"), *words)


def test_a_pull_secret_of_the_given_namespace_is_not_read(cluster, api_server):
    api_server.answers[SECRET] = (403, {"message": "no"})
    assert problems(cluster, RULES, "platform") == []
    assert api_server.asked == []
