"""The cluster's Seldon Core: whether there is one that makes predictors, and its version."""

import re
from dataclasses import dataclass
from typing import Any

from kubernetes import client

from acceptance.errors import Problem
from acceptance.kubernetes import kinds
from acceptance.kubernetes.client import SECONDS, Cluster, readable
from acceptance.kubernetes.kinds import CUSTOM, Custom

KIND = CUSTOM["SeldonDeployment"]
# before Seldon Core 1.1 there was no v1
OLDER = ("v1alpha3", "v1alpha2")
CONTROLLER, USUAL_NAMESPACE = "seldon-controller-manager", "seldon-system"
SELECTOR = f"control-plane={CONTROLLER}"
VERSION = re.compile(r":v?(\d+\.\d+(\.\d+)?)")
# what is known of Seldon is from its documents and its sources
UNSEEN = "by its published contract: the suite was never tried with Seldon's own controller"
INSTALL = "install Seldon Core 1 there, or leave out --predictor seldon"


@dataclass(frozen=True)
class Installation:
    """A cluster's Seldon Core as far as it can be read: `version` such as `1.17.1`, "" where it can't."""

    version: str = ""

    def __str__(self) -> str:
        return f"{self.version or 'of a version that this account may not read'}, {UNSEEN}"


def find_seldon(cluster: Cluster) -> Installation | Problem:
    named = f"the cluster of context {cluster.context}"
    with cluster.api_errors("asking for Seldon Core"), cluster.api() as api:
        if not kinds.knows(api, KIND):
            served = [version for version in OLDER if kinds.knows(api, Custom(KIND.group, version, KIND.plural))]
            if served:
                return Problem(
                    f"{named} serves SeldonDeployments as {', '.join(served)}, and the suite makes {KIND.group}/v1",
                    "update its Seldon Core to 1.1 or newer, or leave out --predictor seldon",
                )
            return Problem(f"{named} has no Seldon Core 1: no SeldonDeployment ({KIND.group})", INSTALL)
        found = find_controller(api)
    if found is None:
        return Installation()
    if not found:
        return Problem(f"{named} has Seldon's kinds and no controller: no Deployment has the label {SELECTOR}", INSTALL)
    if not any(one.status and one.status.available_replicas for one in found):
        where = found[0].metadata
        return Problem(
            f"Seldon's controller is not ready: no pod of Deployment {where.namespace}/{where.name} is available",
            f"look at `{cluster.kubectl} -n {where.namespace} describe deployment {where.name}`",
        )
    return Installation(version_of(found[0]))


def find_controller(api: client.ApiClient) -> list[Any] | None:
    """Return the Deployments of Seldon's controller, of which a cluster may have several; None where none may be read.

    An account that may not list those of all namespaces may still read the usual one.
    """
    apps = client.AppsV1Api(api)
    listed = readable(
        lambda: apps.list_deployment_for_all_namespaces(label_selector=SELECTOR, _request_timeout=SECONDS).items
    )
    if listed is not None:
        return list(listed)
    usual = readable(lambda: apps.read_namespaced_deployment(CONTROLLER, USUAL_NAMESPACE, _request_timeout=SECONDS))
    return [usual] if usual else None


def version_of(deployment: Any) -> str:
    images = [container.image or "" for container in deployment.spec.template.spec.containers]
    return next((match[1] for image in images if (match := VERSION.search(image))), "")
