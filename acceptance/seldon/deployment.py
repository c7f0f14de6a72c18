"""A SeldonDeployment: its objects, the pod that Seldon would make of it, its addresses, and what its status says."""

import copy
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from acceptance.kubernetes import manifests
from acceptance.kubernetes.manifests import Manifest
from acceptance.serving.repository import MODEL

# the Secret by which Seldon's initializer reaches the object store
READER = "model-reader"
# of the manifest: the one predictor's name, and the ports of its Triton
PREDICTOR = "default"
PORTS = {"http": 9000, "grpc": 9500, "metrics": 8002}
# where Seldon puts the model repository
MODELS = "/mnt/models"
# its initializer has no security context; by this name a refusal tells it
INITIALIZER = f"{MODEL}-model-initializer"
OF_DEPLOYMENT = "seldon-deployment-id"


def reader(variables: Mapping[str, str]) -> Manifest:
    """Return the Secret by which Seldon's initializer, rclone, reaches the store of S3's own variables."""
    settings = {
        "TYPE": "s3",
        "PROVIDER": "Other",
        "ENV_AUTH": "false",
        "ENDPOINT": variables["AWS_ENDPOINT_URL_S3"],
        "ACCESS_KEY_ID": variables.get("AWS_ACCESS_KEY_ID", ""),
        "SECRET_ACCESS_KEY": variables.get("AWS_SECRET_ACCESS_KEY", ""),
        "SESSION_TOKEN": variables.get("AWS_SESSION_TOKEN", ""),
        "REGION": variables.get("AWS_DEFAULT_REGION", ""),
    }
    return manifests.secret(READER, {f"RCLONE_CONFIG_S3_{name}": value for name, value in settings.items() if value})


def seldon_deployment(source: str) -> Manifest:
    """Return the SeldonDeployment that serves the repository at `source`."""
    manifest = manifests.read_kind("seldon", "SeldonDeployment")
    manifests.graph_of(manifest)["modelUri"] = source
    return manifest


def trial_pod(name: str, deployment: Manifest) -> Manifest:
    """Return a pod as Seldon makes it, for the API server to look at: with what copies the model."""
    described = copy.deepcopy(manifests.pod_of(deployment))
    assert described
    (container,) = described["spec"]["containers"]
    initializer = {
        "name": INITIALIZER,
        "image": container["image"],
        # Seldon's own, where its configuration has no other
        "resources": {"requests": {"cpu": "100m", "memory": "100Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}},
    }
    described["spec"]["initContainers"] = [initializer]
    labels = {**described["metadata"]["labels"], OF_DEPLOYMENT: name}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**described["metadata"], "name": name, "labels": labels},
        "spec": described["spec"],
    }


# --- what Seldon calls what it makes


def predictor_of(name: str) -> str:
    """Return what Seldon calls the predictor, and its Service."""
    return f"{name}-{PREDICTOR}"


def deployment_of(name: str) -> str:
    """Return what Seldon calls the Deployment that makes its pods."""
    return f"{predictor_of(name)}-0-{MODEL}"


def path_of(namespace: str, name: str) -> str:
    """Return what precedes every path of the predictor at Seldon's ingress, of Istio or Ambassador."""
    return f"/seldon/{namespace}/{name}"


# --- its status


def inside(found: Mapping[str, Any], name: str) -> str:
    """Return the `host:port` at which the cluster's pods reach it: Seldon's own words, or its Service."""
    address = urlsplit(found.get("status", {}).get("address", {}).get("url") or "")
    return address.netloc or f"{predictor_of(name)}:{PORTS['http']}"


def not_available(found: Mapping[str, Any]) -> str:
    """Return "" where Seldon calls it Available, else what it says."""
    status = found.get("status") or {}
    if status.get("state") == "Available":
        return ""
    if not status.get("state"):
        return "Seldon has not said anything of it yet; its controller may not run, or pass over this namespace"
    return ": ".join(filter(None, (status["state"], said(status))))


def failure(found: Mapping[str, Any]) -> str:
    """Return what Seldon says where it calls it Failed, else ""."""
    status = found.get("status") or {}
    return said(status) or "it says no more" if status.get("state") == "Failed" else ""


def said(status: Mapping[str, Any]) -> str:
    deployments = status.get("deploymentStatus") or {}
    each = [
        f"Deployment {name}: {one.get('description') or one.get('status', '')}".rstrip(": ")
        for name, one in deployments.items()
        if one.get("description") or one.get("status") not in (None, "", "Available")
    ]
    return "; ".join(filter(None, (status.get("description", ""), *each)))
