"""Whether KServe's webhook for pods passes a namespace over: its predictors would get no model there."""

from typing import Any

from kubernetes import client

from acceptance.errors import Problem
from acceptance.kserve.installation import WEBHOOK
from acceptance.kubernetes.client import SECONDS, Cluster, readable
from acceptance.kubernetes.selectors import Labels, matches

# as KServe installs it, where this account may not read its webhook
LEFT_OUT = "control-plane"


def passed_over(cluster: Cluster, namespace: str) -> Problem | None:
    """Say so by the namespace's labels; nothing where this account may not read them."""
    with cluster.api_errors(f"asking for the labels of namespace {namespace}"), cluster.api() as api:
        found: Any = readable(lambda: client.CoreV1Api(api).read_namespace(namespace, _request_timeout=SECONDS))
        read = client.AdmissionregistrationV1Api(api).read_mutating_webhook_configuration
        webhooks: Any = readable(lambda: read(WEBHOOK, _request_timeout=SECONDS))
    if not found or not is_left_out(found.metadata.labels or {}, webhooks):
        return None
    shown = ", ".join(f"{key}={value}" for key, value in sorted((found.metadata.labels or {}).items())) or "no label"
    return Problem(
        f"--namespace {namespace}: KServe's webhook passes it over by its labels ({shown}), so that its predictors "
        "would get no model",
        f"name another, or see `{cluster.kubectl} get mutatingwebhookconfiguration {WEBHOOK} -o yaml`",
    )


def is_left_out(labels: Labels, webhooks: Any) -> bool:
    if not webhooks:
        return LEFT_OUT in labels
    for_pods = [one for one in webhooks.webhooks or [] if any("pods" in rule.resources for rule in one.rules or [])]
    return any(one.namespace_selector and not matches(one.namespace_selector, labels) for one in for_pods)
