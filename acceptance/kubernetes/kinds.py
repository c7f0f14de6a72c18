"""Objects of any kind, also of those that a cluster has learnt: created, and deleted by their names."""

from typing import Any, NamedTuple

from kubernetes import client
from kubernetes.utils import FailToCreateError, create_from_dict

from acceptance.kubernetes.client import SECONDS
from acceptance.kubernetes.manifests import Manifest


class Custom(NamedTuple):
    """A kind that a cluster has learnt: its API group, its version, and what its objects are called in a URL."""

    group: str
    version: str
    plural: str


CUSTOM = {
    "InferenceService": Custom("serving.kserve.io", "v1beta1", "inferenceservices"),
    "ServingRuntime": Custom("serving.kserve.io", "v1alpha1", "servingruntimes"),
    "ClusterServingRuntime": Custom("serving.kserve.io", "v1alpha1", "clusterservingruntimes"),
    "SeldonDeployment": Custom("machinelearning.seldon.io", "v1", "seldondeployments"),
    "Gateway": Custom("gateway.networking.k8s.io", "v1", "gateways"),
}


def knows(api: client.ApiClient, kind: Custom) -> bool:
    """Say whether the cluster has learnt a kind, in that version."""
    try:
        found: Any = client.CustomObjectsApi(api).get_api_resources(kind.group, kind.version, _request_timeout=SECONDS)
    except client.ApiException as error:
        if error.status == 404:
            return False
        raise
    return any(resource.name == kind.plural for resource in found.resources)


def create(api: client.ApiClient, manifest: Manifest, namespace: str, **options: Any) -> Any:
    """Create the object, or with `dry_run="All"` have the API server say what it would make of it.

    Raises FailToCreateError with the API server's answers.
    """
    custom = CUSTOM.get(manifest["kind"])
    if not custom:
        (made,) = create_from_dict(api, manifest, namespace=namespace, _request_timeout=SECONDS, **options)
        return made
    try:
        return client.CustomObjectsApi(api).create_namespaced_custom_object(
            custom.group, custom.version, namespace, custom.plural, manifest, _request_timeout=SECONDS, **options
        )
    except client.ApiException as error:
        raise FailToCreateError([error]) from error


def delete(api: client.ApiClient, kind: str, name: str, namespace: str) -> None:
    """Delete the object and what it owns, in the background; raises ApiException."""
    if custom := CUSTOM.get(kind):
        client.CustomObjectsApi(api).delete_namespaced_custom_object(
            *(custom.group, custom.version, namespace, custom.plural, name),
            propagation_policy="Background",
            _request_timeout=SECONDS,
        )
        return
    core = client.CoreV1Api(api)
    deletions = {
        "Job": client.BatchV1Api(api).delete_namespaced_job,
        "Pod": core.delete_namespaced_pod,
        "Deployment": client.AppsV1Api(api).delete_namespaced_deployment,
        "Service": core.delete_namespaced_service,
        "ConfigMap": core.delete_namespaced_config_map,
    }
    deletions[kind](name, namespace, propagation_policy="Background", _request_timeout=SECONDS)


def patch(api: client.ApiClient, kind: str, name: str, namespace: str, changes: Manifest) -> None:
    """Merge the changes into an object of a kind that the cluster has learnt; raises ApiException."""
    custom = CUSTOM[kind]
    client.CustomObjectsApi(api).patch_namespaced_custom_object(
        *(custom.group, custom.version, namespace, custom.plural, name, changes),
        _content_type="application/merge-patch+json",
        _request_timeout=SECONDS,
    )


def read(api: client.ApiClient, kind: str, name: str, namespace: str) -> dict[str, Any]:
    """Return an object of a kind that the cluster has learnt; raises ApiException."""
    custom = CUSTOM[kind]
    found: Any = client.CustomObjectsApi(api).get_namespaced_custom_object(
        custom.group, custom.version, namespace, custom.plural, name, _request_timeout=SECONDS
    )
    return found
