"""The cluster's KServe: whether there is one, its version, the mode that it serves in and the routes that it makes."""

import json
import re
from dataclasses import dataclass, field, replace

from kubernetes import client

from acceptance.errors import Problem
from acceptance.kserve.routes import Routes, routes_of
from acceptance.kubernetes import kinds
from acceptance.kubernetes.client import SECONDS, Cluster, readable
from acceptance.kubernetes.kinds import CUSTOM, Custom

# where KServe's own manifests put it; a webhook of its tells where another installation has it
NAMESPACE = "kserve"
WEBHOOK = "inferenceservice.serving.kserve.io"
CONTROLLER = "kserve-controller-manager"
CONFIGURATION = "inferenceservice-config"
STANDARD, KNATIVE = "Standard", "Knative"
# their names in older versions
MODES = {"RawDeployment": STANDARD, "Serverless": KNATIVE, STANDARD: STANDARD, KNATIVE: KNATIVE}
# since this version an InferenceService can be stopped and resumed
STOPS = (0, 16)
# since this version RawDeployment is called Standard; it takes the old name at first and refuses it in every update
RENAMED = (0, 16)
VERSION = re.compile(r":v?(\d+)\.(\d+)(\.\d+)?")
INSTALL = "install KServe there, or leave out --predictor kserve"
# Knative Serving, where its own manifests put its configuration, and the ingress class that it has by default
KNATIVE_SERVICE = Custom("serving.knative.dev", "v1", "services")
KNATIVE_NAMESPACE = "knative-serving"
KNATIVE_NETWORK = "config-network"
ISTIO = "istio.ingress.networking.knative.dev"


@dataclass(frozen=True)
class Installation:
    """A cluster's KServe as far as it can be read.

    `version` such as `0.20.0`, and the mode that an InferenceService gets by `default`, both "" where they can't be
    read; `knative`: whether the cluster has Knative Serving, without which KServe serves nothing in that mode.
    """

    version: str = ""
    default: str = ""
    knative: bool = False
    routes: Routes = field(default_factory=Routes)

    def __str__(self) -> str:
        return f"{self.version or 'of a version that this account may not read'}, {self.mode} mode"

    @property
    def mode(self) -> str:
        """The mode of the suite's InferenceServices: the cluster's default where that can serve, else Standard."""
        return KNATIVE if self.default == KNATIVE and self.knative else STANDARD

    @property
    def annotation(self) -> str:
        """The deployment mode to ask for, "" where it is the default."""
        if self.mode == self.default:
            return ""
        return "RawDeployment" if self.older_than(RENAMED) else STANDARD

    @property
    def cannot_stop(self) -> str:
        """Why it stops no InferenceService, "" where it does."""
        return f"KServe {self.version} can't stop an InferenceService; 0.16 can" if self.older_than(STOPS) else ""

    def older_than(self, version: tuple[int, int]) -> bool:
        """Say whether it is known to be older than a version's first two numbers."""
        numbers = tuple(int(number) for number in self.version.split(".")[:2] if number)
        return bool(numbers) and numbers < version


def find_kserve(cluster: Cluster) -> Installation | Problem:
    with cluster.api_errors("asking for KServe"), cluster.api() as api:
        if not knows_inference_services(api):
            return Problem(f"the cluster of context {cluster.context} has no KServe: no InferenceService", INSTALL)
        where = namespace_of(api)
        configuration = read_config_map(api, CONFIGURATION, where)
        found = Installation(version_of(api, where), mode_of(configuration), kinds.knows(api, KNATIVE_SERVICE))
        layer = network_layer(api) if found.mode == KNATIVE else ""
        return replace(found, routes=routes_of(configuration.get("ingress"), layer))


def knows_inference_services(api: client.ApiClient) -> bool:
    return kinds.knows(api, CUSTOM["InferenceService"])


def namespace_of(api: client.ApiClient) -> str:
    """Return the namespace of KServe's controller: its webhook's, where the account may read it."""
    found = readable(
        lambda: client.AdmissionregistrationV1Api(api).read_mutating_webhook_configuration(
            WEBHOOK, _request_timeout=SECONDS
        )
    )
    services = [one.client_config.service for one in (found.webhooks or [])] if found else []
    return next((service.namespace for service in services if service), NAMESPACE)


def version_of(api: client.ApiClient, namespace: str) -> str:
    found = readable(
        lambda: client.AppsV1Api(api).read_namespaced_deployment(CONTROLLER, namespace, _request_timeout=SECONDS)
    )
    images = [container.image or "" for container in found.spec.template.spec.containers] if found else []
    numbers = next((match for image in images if (match := VERSION.search(image))), None)
    return numbers[0].lstrip(":v") if numbers else ""


def read_config_map(api: client.ApiClient, name: str, namespace: str) -> dict[str, str]:
    """Return a ConfigMap's entries, none where it isn't there or can't be read."""
    found = readable(
        lambda: client.CoreV1Api(api).read_namespaced_config_map(name, namespace, _request_timeout=SECONDS)
    )
    return (found and found.data) or {}


def mode_of(configuration: dict[str, str]) -> str:
    try:
        return MODES.get(json.loads(configuration["deploy"])["defaultDeploymentMode"], "")
    except (LookupError, TypeError, ValueError):
        return ""


def network_layer(api: client.ApiClient) -> str:
    """Return Knative's ingress class; older versions wrote its key with a dot."""
    found = read_config_map(api, KNATIVE_NETWORK, KNATIVE_NAMESPACE)
    return found.get("ingress-class") or found.get("ingress.class") or ISTIO
