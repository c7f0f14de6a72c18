"""The manifests of a component, and the typed patches that fit them to a run."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from acceptance.gpu.node import GPU_RESOURCE
from acceptance.images import Images
from acceptance.paths import MANIFESTS

PART_OF = {"app.kubernetes.io/part-of": "triton-acceptance"}
RUN = "triton-acceptance/run"
NAME = "app.kubernetes.io/name"
WITH_PODS = ("Deployment", "DaemonSet", "Job")
OF_KSERVE = ("InferenceService", "ServingRuntime")

Manifest = dict[str, Any]


def read_component(component: str) -> list[Manifest]:
    """Return every document of the component's folder, its files in the order of their names."""
    files = sorted((MANIFESTS / component).glob("*.yaml"))
    return [document for file in files for document in yaml.safe_load_all(file.read_text(encoding="utf-8"))]


def read_kind(component: str, kind: str) -> Manifest:
    """Return the component's one document of a kind."""
    (found,) = [manifest for manifest in read_component(component) if manifest["kind"] == kind]
    return found


def read_manifest(file: Path) -> Manifest:
    """Return a file's one document."""
    return yaml.safe_load(file.read_text(encoding="utf-8"))


def pod_of(manifest: Manifest) -> Manifest | None:
    """Return what describes the manifest's pods (with `metadata` and `spec`), or None where it has none.

    KServe's kinds have a pod's labels, annotations and fields side by side; of Seldon's the one component counts.
    """
    if manifest["kind"] == "Pod":
        return manifest
    if manifest["kind"] in OF_KSERVE:
        described = manifest["spec"].get("predictor", manifest["spec"])
        return {"metadata": described, "spec": described}
    if manifest["kind"] == "SeldonDeployment":
        return manifest["spec"]["predictors"][0]["componentSpecs"][0]
    return manifest.get("spec", {}).get("template") if manifest["kind"] in WITH_PODS else None


def graph_of(manifest: Manifest) -> Manifest:
    """Return the one node of a SeldonDeployment's graph: its model, and where that comes from."""
    return manifest["spec"]["predictors"][0]["graph"]


def containers_of(manifest: Manifest) -> Iterator[Manifest]:
    """Yield the containers, those that run before the others first."""
    pod = pod_of(manifest)
    if pod:
        yield from pod["spec"].get("initContainers", [])
        # an InferenceService has one, whose name and image are its runtime's
        yield from pod["spec"].get("containers") or [pod["spec"]["model"]]


def container_of(manifest: Manifest, name: str) -> Manifest:
    (found,) = [container for container in containers_of(manifest) if container.get("name", name) == name]
    return found


def fit(manifest: Manifest, images: Images, name: str = "") -> Manifest:
    """Put the images into place, and the name wherever the component's own stands: metadata, labels, ConfigMap."""
    own = manifest["metadata"]["name"]
    for container in containers_of(manifest):
        if "image" in container:
            container["image"] = images.named(container["image"])
    label(manifest, PART_OF)
    if not name:
        return manifest
    manifest["metadata"]["name"] = name
    spec, pod = manifest.get("spec", {}), pod_of(manifest)
    if manifest["kind"] == "Deployment":
        spec["selector"]["matchLabels"][NAME] = name
    if manifest["kind"] == "Service":
        spec["selector"][NAME] = name
    if pod:
        pod["metadata"]["labels"][NAME] = name
        for volume in pod["spec"].get("volumes", []):
            if volume.get("configMap", {}).get("name") == own:
                volume["configMap"]["name"] = name
    return manifest


def label(manifest: Manifest, labels: Mapping[str, str]) -> None:
    """Add the labels to the object, and to its pods."""
    for described in filter(None, (manifest, pod_of(manifest))):
        described.setdefault("metadata", {}).setdefault("labels", {}).update(labels)


def labels_of_pods(manifest: Manifest) -> Mapping[str, str]:
    """Return the labels of the manifest's pods."""
    pod = pod_of(manifest)
    return pod["metadata"]["labels"] if pod else {}


def set_variables(manifest: Manifest, container: str, **variables: str) -> None:
    """Give variables that the manifest declares their values; raises KeyError for one that it doesn't."""
    declared = {variable["name"]: variable for variable in container_of(manifest, container)["env"]}
    for name, value in variables.items():
        declared[name]["value"] = value


def ask_for_gpu(manifest: Manifest, container: str) -> None:
    """Have the container ask for one GPU, on a node that is kept for such pods too."""
    container_of(manifest, container)["resources"]["limits"][GPU_RESOURCE] = "1"
    tolerate_gpu(manifest)


def tolerate_gpu(manifest: Manifest) -> None:
    """Let the pod onto nodes that are kept for pods with a GPU."""
    pod = pod_of(manifest)
    assert pod
    pod["spec"]["tolerations"] = [{"key": GPU_RESOURCE, "operator": "Exists", "effect": "NoSchedule"}]


def keep_to_node(manifest: Manifest, node: str) -> None:
    """Have the scheduler put the pod on that node or on none, by the node's name: its hostname label may differ."""
    pod = pod_of(manifest)
    assert pod
    name = {"key": "metadata.name", "operator": "In", "values": [node]}
    terms = {"nodeSelectorTerms": [{"matchFields": [name]}]}
    pod["spec"]["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


def use_runtime(manifest: Manifest, runtime: str) -> None:
    """Have pods that ask for a GPU run by the cluster's RuntimeClass for them: by the default one they may see none."""
    pod = pod_of(manifest)
    if pod and runtime and asks_for_gpu(manifest):
        pod["spec"].setdefault("runtimeClassName", runtime)


def leave_users_open(manifest: Manifest) -> None:
    """Name no user and no group, where the cluster gives each namespace users of its own."""
    pod = pod_of(manifest)
    for described in [pod["spec"], *containers_of(manifest)] if pod else []:
        for field in ("runAsUser", "runAsGroup", "fsGroup"):
            described.get("securityContext", {}).pop(field, None)


def asks_for_gpu(manifest: Manifest) -> bool:
    return any(
        GPU_RESOURCE in container.get("resources", {}).get("limits", {}) for container in containers_of(manifest)
    )


def config_map(name: str, files: Mapping[str, str]) -> Manifest:
    return keyed("ConfigMap", name, data=dict(files))


def secret(name: str, values: Mapping[str, str]) -> Manifest:
    return keyed("Secret", name, stringData=dict(values))


def keyed(kind: str, name: str, **content: Mapping[str, str]) -> Manifest:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "labels": dict(PART_OF)}, **content}
