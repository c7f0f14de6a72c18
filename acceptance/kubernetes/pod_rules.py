"""What a site asks of every pod, put into the manifests that have pods."""

from acceptance.gpu.node import GPU_RESOURCE
from acceptance.kubernetes import manifests
from acceptance.kubernetes.manifests import Manifest
from acceptance.settings import PodRules

# the volume of what MLflow and MinIO keep, and how much that is at most
STORAGE, SIZE = "storage", "4Gi"
REQUESTS = "requests."


def follow(manifest: Manifest, rules: PodRules) -> None:
    """Have the manifest's pods follow the rules; its own names for GPUs become the cluster's."""
    if manifest["kind"] == "ResourceQuota":
        rename(manifest["spec"].get("hard", {}), rules, REQUESTS)
    for container in manifests.containers_of(manifest):
        for amounts in container.get("resources", {}).values():
            rename(amounts, rules)
    pod = manifests.pod_of(manifest)
    # KServe makes pods of an InferenceService, and of a runtime only what that lacks
    if not pod or manifest["kind"] == "ServingRuntime":
        return
    if rules.labels:
        manifests.label(manifest, rules.labels)
    for described in (manifest, pod):
        if rules.annotations:
            described["metadata"].setdefault("annotations", {}).update(rules.annotations)
    spec = pod["spec"]
    if rules.node_selector:
        spec.setdefault("nodeSelector", {}).update(rules.node_selector)
    if rules.tolerations:
        spec["tolerations"] = [*spec.get("tolerations", []), *map(dict, rules.tolerations)]
    if rules.priority_class:
        spec["priorityClassName"] = rules.priority_class
    if rules.pull_secret:
        spec["imagePullSecrets"] = [{"name": secret_name(rules)}]
    if rules.storage_class:
        keep_on(spec, rules.storage_class)


def rename(amounts: Manifest, rules: PodRules, prefix: str = "") -> None:
    """Give a count of GPUs the name that the cluster has for them."""
    if rules.gpu_resource and f"{prefix}{GPU_RESOURCE}" in amounts:
        amounts[f"{prefix}{rules.gpu_resource}"] = amounts.pop(f"{prefix}{GPU_RESOURCE}")


def keep_on(spec: Manifest, storage_class: str) -> None:
    """Have a claim made for what the pod keeps, which goes with the pod."""
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": storage_class,
        "resources": {"requests": {"storage": SIZE}},
    }
    for volume in spec.get("volumes", []):
        if volume["name"] == STORAGE:
            del volume["emptyDir"]
            volume["ephemeral"] = {"volumeClaimTemplate": {"spec": claim}}


def secret_name(rules: PodRules) -> str:
    """Return what the pull secret is called, in the run's namespace too."""
    return rules.pull_secret.partition("/")[2]
