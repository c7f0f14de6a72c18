"""The cluster's KServe: whether there is one, and its version and default mode as far as they can be read."""

import json
import re
from dataclasses import dataclass
from typing import Any

from kubernetes import client

from acceptance.errors import Problem
from acceptance.kubernetes.client import SECONDS, Cluster, readable
from acceptance.kubernetes.kinds import CUSTOM

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


@dataclass(frozen=True)
class Installation:
    """`version` such as `0.20.0`, and the mode that an InferenceService gets by default; "" where it can't be read."""

    version: str = ""
    mode: str = ""

    def __str__(self) -> str:
        return f"{self.version or 'of a version that this account may not read'}, {STANDARD} mode"

    @property
    def annotation(self) -> str:
        """The deployment mode to ask for, "" where the default is the one that is wanted.

        The suite's InferenceServices are plain Deployments, on a cluster whose default is Knative too.
        """
        if self.mode == STANDARD:
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
        return Installation(version_of(api, where), mode_of(api, where))


def knows_inference_services(api: client.ApiClient) -> bool:
    kind = CUSTOM["InferenceService"]
    try:
        found: Any = client.CustomObjectsApi(api).get_api_resources(kind.group, kind.version, _request_timeout=SECONDS)
    except client.ApiException as error:
        if error.status == 404:
            return False
        raise
    return any(resource.name == kind.plural for resource in found.resources)


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


def mode_of(api: client.ApiClient, namespace: str) -> str:
    found = readable(
        lambda: client.CoreV1Api(api).read_namespaced_config_map(CONFIGURATION, namespace, _request_timeout=SECONDS)
    )
    try:
        return MODES.get(json.loads(found.data["deploy"])["defaultDeploymentMode"], "") if found else ""
    except (LookupError, TypeError, ValueError):
        return ""
