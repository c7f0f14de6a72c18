"""A namespace that KServe's webhook for pods passes over is known before anything is made in it."""

import pytest

from acceptance.kserve.passed_over import passed_over
from tests.unit.kserve.test_installation import FORBIDDEN, WEBHOOK, found_in
from tests.unit.problems import assert_problem

NAMESPACE = "/api/v1/namespaces/team-ml"
# as KServe 0.20 has it
SELECTOR = {"matchExpressions": [{"key": "control-plane", "operator": "DoesNotExist"}]}


def namespace(**labels):
    return 200, {"metadata": {"name": "team-ml", "labels": labels}}


def webhooks(selector, resources=("pods",)):
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": list(resources)}
    hook = {
        "name": "h",
        "clientConfig": {},
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "namespaceSelector": selector,
        "rules": [rule],
    }
    return 200, {"metadata": {"name": "w"}, "webhooks": [hook]}


def look(tmp_path, about, hooks):
    return found_in(tmp_path, {NAMESPACE: about, WEBHOOK: hooks}, look=passed_over, namespace="team-ml")


@pytest.mark.parametrize(
    ("about", "hooks"),
    [
        (namespace(**{"control-plane": "x"}), webhooks(SELECTOR)),
        (namespace(**{"control-plane": "x"}), FORBIDDEN),
        (namespace(team="ml"), webhooks({"matchLabels": {"serving": "yes"}})),
    ],
)
def test_it_is_named_with_its_labels(tmp_path, about, hooks):
    problem = look(tmp_path, about, hooks)
    assert_problem(problem, "--namespace team-ml: KServe's webhook passes it over by its labels (", "name another")


@pytest.mark.parametrize(
    ("about", "hooks"),
    [
        (namespace(team="ml"), webhooks(SELECTOR)),
        (namespace(team="ml"), FORBIDDEN),
        (namespace(), webhooks({})),
        (namespace(**{"control-plane": "x"}), webhooks(SELECTOR, ["inferenceservices"])),
        (FORBIDDEN, webhooks(SELECTOR)),
    ],
)
def test_any_other_is_taken(tmp_path, about, hooks):
    assert_problem(look(tmp_path, about, hooks))
