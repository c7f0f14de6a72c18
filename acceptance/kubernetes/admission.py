"""What the API server would say to the objects that a run will create, and what the quotas leave for its pods."""

import copy
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from kubernetes import client
from kubernetes.utils import FailToCreateError

from acceptance.errors import Problem
from acceptance.kubernetes import kinds, manifests
from acceptance.kubernetes.client import SECONDS, is_transient, readable, reason
from acceptance.kubernetes.manifests import Manifest
from acceptance.kubernetes.namespace import Namespace
from acceptance.kubernetes.owner_diagnosis import refusal_fix
from acceptance.kubernetes.view import format_quantity, limited, quantity_of, requested

# of a quota that counts all of the run's pods: they have requests, and no deadline
SCOPES = {"NotBestEffort", "NotTerminating"}


def try_out(namespace: Namespace, api: client.ApiClient, manifest: Manifest) -> tuple[Any, list[Problem]]:
    """Have the API server look at an object that has its name, and at its pod as a Pod; nothing is created.

    Returns the pod as the API server would make it, None where there is none or where it is refused, and the problems.
    A Deployment or a Job of pods that Pod Security, a quota or a webhook refuses is itself accepted.
    """
    made, found = dry_run(namespace, api, manifest)
    template = manifests.pod_of(manifest) if manifest["kind"] in manifests.WITH_PODS else None
    if not template:
        return (made if manifest["kind"] == "Pod" else None), found
    name = manifest["metadata"]["name"]
    pod = {"apiVersion": "v1", "kind": "Pod", **copy.deepcopy(template)}
    pod["metadata"]["generateName"] = f"{name}-"
    made, refused = dry_run(namespace, api, pod, f"the pods of {manifest['kind']} {name}")
    return made, found + refused


def dry_run(
    namespace: Namespace, api: client.ApiClient, manifest: Manifest, what: str = ""
) -> tuple[Any, list[Problem]]:
    """Return (what the API server would make of the object, []), or (None, why it refuses it)."""
    what = what or f"{manifest['kind']} {manifest['metadata']['name']}"
    cluster, name = namespace.cluster, namespace.name
    with cluster.api_errors(f"trying {what} out"):
        try:
            return kinds.create(api, manifest, name, dry_run="All"), []
        except FailToCreateError as error:
            if any(is_transient(one.status) or not one.status for one in error.api_exceptions):
                raise
            refused = [one for one in error.api_exceptions if "support dry run" not in (one.body or "")]
    return None, [refusal(what, one, name, cluster.kubectl) for one in refused]


def refusal(what: str, error: client.ApiException, namespace: str, kubectl: str) -> Problem:
    words = reason(error)
    if error.status == 409:
        return Problem(
            f"{what} is in namespace {namespace} already: {words}",
            f"the namespace is new, so something makes it in every one: `{kubectl} -n {namespace} get all,cm -o yaml`",
        )
    otherwise = (
        f"`{kubectl} get validatingwebhookconfigurations` shows who may refuse it, from Kubernetes 1.30 on "
        "validatingadmissionpolicies too"
    )
    return Problem(f"{what}: {words}", refusal_fix(words, namespace, otherwise))


# --- quotas


def quotas(namespace: Namespace, api: client.ApiClient) -> list[Any]:
    """Return the namespace's quotas, and OpenShift's that count it with others; none that the account may not list."""
    core, custom = client.CoreV1Api(api), client.CustomObjectsApi(api)
    with namespace.cluster.api_errors("listing the quotas"):
        own = readable(lambda: core.list_namespaced_resource_quota(namespace.name, _request_timeout=SECONDS).items)
        shared = readable(lambda: applied_quotas(custom, namespace.name))
    return [*(own or []), *map(of_several_namespaces, shared or [])]


def applied_quotas(custom: client.CustomObjectsApi, namespace: str) -> list[Any]:
    kind = "quota.openshift.io", "v1", namespace, "appliedclusterresourcequotas"
    listed: Any = custom.list_namespaced_custom_object(*kind, _request_timeout=SECONDS)
    return listed["items"]


def of_several_namespaces(applied: Mapping[str, Any]) -> client.V1ResourceQuota:
    """Return an AppliedClusterResourceQuota as the quota that it comes to."""
    spec, total = applied["spec"]["quota"], applied.get("status", {}).get("total", {})
    return client.V1ResourceQuota(
        kind="ClusterResourceQuota",
        metadata=client.V1ObjectMeta(name=applied["metadata"]["name"]),
        spec=client.V1ResourceQuotaSpec(
            hard=spec.get("hard"), scopes=spec.get("scopes"), scope_selector=spec.get("scopeSelector")
        ),
        status=client.V1ResourceQuotaStatus(hard=total.get("hard"), used=total.get("used")),
    )


def over_quota(found: Iterable[Any], pods: Mapping[str, Any], at_once: Sequence[Sequence[str]]) -> list[Problem]:
    """Say what the quotas leave too little of for pods that run at once; `at_once`: the names of those that do."""
    short: dict[tuple[str, str], tuple[Decimal, Decimal, Sequence[str]]] = {}
    for quota in found:
        if quota.spec.scope_selector or not set(quota.spec.scopes or []) <= SCOPES:
            continue
        status = quota.status or client.V1ResourceQuotaStatus()
        hard, used = (status.hard or quota.spec.hard or {}), (status.used or {})
        for names in at_once:
            names = [name for name in names if name in pods]
            wanted = total(pods[name] for name in names)
            for resource in hard:
                left = quantity_of(hard, resource) - quantity_of(used, resource)
                key = (f"{quota.kind or 'ResourceQuota'} {quota.metadata.name}", resource)
                if wanted.get(resource, 0) > left and (key not in short or wanted[resource] > short[key][0]):
                    short[key] = (wanted[resource], left, names)
    return [
        Problem(
            f"{quota} leaves {format_quantity(kind_of(resource), left)} of {resource}, and "
            f"{', '.join(names)} at once ask for {format_quantity(kind_of(resource), wanted)}",
            "raise it, or leave scenarios out with -k or -m",
        )
        for (quota, resource), (wanted, left, names) in short.items()
    ]


def total(pods: Iterable[Any]) -> dict[str, Decimal]:
    """Return what a quota counts for the pods, by the names that it has for it."""
    wanted: dict[str, Decimal] = {}
    for pod in pods:
        asked, limits = requested(pod), limited(pod)
        counted = {"count/pods": Decimal(1), **asked}
        counted |= {f"requests.{resource}": amount for resource, amount in asked.items()}
        counted |= {f"limits.{resource}": amount for resource, amount in limits.items()}
        for resource, amount in counted.items():
            wanted[resource] = wanted.get(resource, Decimal(0)) + amount
    return wanted


def kind_of(resource: str) -> str:
    """Return the resource itself, such as `memory` of `requests.memory`."""
    for prefix in ("requests.", "limits."):
        resource = resource.removeprefix(prefix)
    return resource
