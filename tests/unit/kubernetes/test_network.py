"""Which network policies of a site's namespace keep a run's pods from each other."""

import pytest

from acceptance.kubernetes.network import shut_out
from tests.unit.kubernetes.api_server import cluster_of
from tests.unit.problems import assert_problem

PATH = "/apis/networking.k8s.io/v1/namespaces/team-ml/networkpolicies"
OURS = {"app.kubernetes.io/part-of": "triton-acceptance"}


def policy(*, pods=None, types=None, **rules):
    spec = {"podSelector": pods or {}, **({"policyTypes": types} if types else {}), **rules}
    return {"metadata": {"name": "of-the-site"}, "spec": spec}


def from_pods(selector):
    return [{"from": [{"podSelector": selector}]}]


@pytest.fixture
def problem(api_server, tmp_path):
    def ask(*policies, labels=None, given=None):
        api_server.answers[PATH] = (200, {"items": list(policies)})
        return shut_out(cluster_of(tmp_path, api_server.address), "team-ml", "1a2b", given or {}, labels or {})

    return ask


@pytest.mark.parametrize(
    "open_one",
    [
        policy(ingress=[{}]),
        policy(ingress=from_pods({})),
        policy(ingress=from_pods({"matchLabels": OURS})),
        policy(ingress=from_pods({"matchExpressions": [{"key": "triton-acceptance/run", "operator": "Exists"}]})),
        policy(ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "ml"}}}]}]),
        policy(ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}]),
        policy(pods={"matchLabels": {"app": "theirs"}}),
        policy(pods={"matchExpressions": [{"key": "app", "operator": "In", "values": ["theirs"]}]}),
        policy(types=["Egress"], egress=[{"to": [{"podSelector": {}}]}]),
    ],
)
def test_policies_that_let_the_runs_pods_through_are_no_problem(problem, open_one):
    assert_problem(problem(open_one, labels={"team": "ml"}))


@pytest.mark.parametrize(
    ("shut_one", "direction"),
    [
        (policy(), "ingress"),
        (policy(types=["Ingress"]), "ingress"),
        (policy(ingress=from_pods({"matchLabels": {"app": "theirs"}})), "ingress"),
        (policy(ingress=[{"from": [{"namespaceSelector": {"matchLabels": {"team": "other"}}}]}]), "ingress"),
        (
            policy(ingress=[{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"a": "b"}}}]}]),
            "ingress",
        ),
        (policy(types=["Egress"]), "egress"),
        (policy(types=["Egress"], egress=[{"to": [{"podSelector": {"matchLabels": {"app": "dns"}}}]}]), "egress"),
        (policy(pods={"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}), "ingress"),
        (policy(pods={"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["a"]}]}), "ingress"),
    ],
)
def test_policies_that_keep_them_apart_are_named_with_the_fix(problem, shut_one, direction):
    assert_problem(
        problem(shut_one, labels={"team": "ml"}),
        "network policy of-the-site of namespace team-ml",
        f"({direction} of mlflow)",
        "lets pods with the label app.kubernetes.io/part-of=triton-acceptance reach each other",
    )


def test_one_policy_that_lets_them_through_is_enough(problem):
    assert_problem(problem(policy(), policy(ingress=from_pods({"matchLabels": OURS}))))


def test_policies_that_may_not_be_listed_are_left_to_the_pods(api_server, tmp_path):
    api_server.answers[PATH] = (403, {"message": "no"})
    assert_problem(shut_out(cluster_of(tmp_path, api_server.address), "team-ml", "1a2b", {}, {}))


TEAM = {"matchLabels": {"team": "ml"}}


def test_the_labels_that_a_site_asks_for_count(problem):
    policies = policy(), policy(pods=TEAM, ingress=from_pods(TEAM))
    assert_problem(problem(*policies), "network policy of-the-site")
    assert_problem(problem(*policies, given={"team": "ml"}))
    assert_problem(problem(policy(pods=TEAM)))
    assert_problem(problem(policy(pods=TEAM), given={"team": "ml"}), "network policy of-the-site")


def test_pods_are_known_by_the_names_that_they_have(problem):
    selector = {
        "matchExpressions": [{"key": "app.kubernetes.io/name", "operator": "In", "values": ["training-cpu-1-1a2b"]}]
    }
    assert_problem(problem(policy(ingress=from_pods(selector))))
