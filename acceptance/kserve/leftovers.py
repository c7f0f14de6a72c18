"""What is left in a namespace of an InferenceService that was stopped or deleted."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from kubernetes import client

from acceptance.errors import Problem
from acceptance.kserve.service import SUFFIX
from acceptance.kubernetes.client import SECONDS, readable
from acceptance.kubernetes.kinds import CUSTOM, Custom

# what KServe, or what it has made, makes of one; objects of a cluster's own kinds have URLs of the same form
MADE = {
    "InferenceService": CUSTOM["InferenceService"],
    "ServingRuntime": CUSTOM["ServingRuntime"],
    "Deployment": Custom("apps", "v1", "deployments"),
    "ReplicaSet": Custom("apps", "v1", "replicasets"),
    "HorizontalPodAutoscaler": Custom("autoscaling", "v2", "horizontalpodautoscalers"),
    "Ingress": Custom("networking.k8s.io", "v1", "ingresses"),
    "HTTPRoute": Custom("gateway.networking.k8s.io", "v1", "httproutes"),
    "Knative Service": Custom("serving.knative.dev", "v1", "services"),
}


def left_of(api: client.ApiClient, name: str, namespace: str) -> list[str]:
    """Return the objects that are named after it, such as `Pod triton-cpu-1-predictor-x`, as far as they may be read.

    Kinds that the cluster hasn't, or whose objects this account may not list, have none.
    """
    core = client.CoreV1Api(api)
    listings = {
        **{kind: partial(custom_names, api, custom, namespace) for kind, custom in MADE.items()},
        "Pod": partial(names, core.list_namespaced_pod, namespace),
        "Service": partial(names, core.list_namespaced_service, namespace),
    }
    return [
        f"{kind} {found}"
        for kind, listed in listings.items()
        for found in readable(listed) or ()
        if found == name or found.startswith(f"{name}{SUFFIX}")
    ]


def some(left: Sequence[str]) -> Problem | None:
    """Say that something is left."""
    if not left:
        return None
    return Problem(
        f"{', '.join(left)}: still there after 30 s",
        "see its finalizers and events, and the log of KServe's controller",
    )


def names(listing: Any, namespace: str) -> list[str]:
    return [one.metadata.name for one in listing(namespace, _request_timeout=SECONDS).items]


def custom_names(api: client.ApiClient, custom: Custom, namespace: str) -> list[str]:
    found: Any = client.CustomObjectsApi(api).list_namespaced_custom_object(
        custom.group, custom.version, namespace, custom.plural, _request_timeout=SECONDS
    )
    return [one["metadata"]["name"] for one in found["items"]]
