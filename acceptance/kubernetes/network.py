"""Whether the network policies of a site's namespace let the pods of a run reach each other."""

from collections.abc import Sequence
from typing import Any

from kubernetes import client

from acceptance.errors import Problem
from acceptance.kubernetes import own_names
from acceptance.kubernetes.client import SECONDS, Cluster, readable
from acceptance.kubernetes.manifests import PART_OF
from acceptance.kubernetes.selectors import Labels, matches

# those that others of the run's ask, and one that asks
SERVERS, CLIENT = ("mlflow", "triton-cpu-1"), "training-cpu-1"


def shut_out(cluster: Cluster, namespace: str, run: str, labels: Labels, own: Labels) -> Problem | None:
    """Say that the policies keep the run's pods from one another; nothing where this account may not read them.

    `labels`: what all of them have besides the run's own; `own`: the namespace's.

    Ports are not looked at: a policy that lets in some of them may let in those that count.
    """
    with cluster.api_errors(f"listing the network policies of namespace {namespace}"), cluster.api() as api:
        listing = client.NetworkingV1Api(api).list_namespaced_network_policy
        policies = readable(lambda: listing(namespace, _request_timeout=SECONDS).items)
    for server in SERVERS:
        asked, asking = ({**labels, **own_names.labels(name, run), **PART_OF} for name in (server, CLIENT))
        for direction, pod, peer in (("Ingress", asked, asking), ("Egress", asking, asked)):
            if names := refusing(policies or [], direction, pod, peer, own):
                ((key, value),) = PART_OF.items()
                return Problem(
                    f"network policy {', '.join(names)} of namespace {namespace} keeps the run's pods from one another "
                    f"({direction.lower()} of {server.partition('-')[0]})",
                    f"have a policy made that lets pods with the label {key}={value} reach each other",
                )
    return None


def refusing(policies: Sequence[Any], direction: str, pod: Labels, peer: Labels, namespace: Labels) -> list[str]:
    """Return the policies that isolate the pod, where none of them lets the peer of the same namespace through."""
    isolating = [
        policy
        for policy in policies
        if direction in (policy.spec.policy_types or ["Ingress"]) and matches(policy.spec.pod_selector, pod)
    ]
    for policy in isolating:
        for rule in (policy.spec.ingress if direction == "Ingress" else policy.spec.egress) or []:
            peers = rule._from if direction == "Ingress" else rule.to
            if not peers or any(lets(one, peer, namespace) for one in peers):
                return []
    return [policy.metadata.name for policy in isolating]


def lets(allowed: Any, peer: Labels, namespace: Labels) -> bool:
    """Say whether one entry of a rule means a pod of the policy's own namespace; addresses may mean any."""
    if allowed.ip_block:
        return True
    if allowed.namespace_selector and not matches(allowed.namespace_selector, namespace):
        return False
    return allowed.pod_selector is None or matches(allowed.pod_selector, peer)
