"""In a namespace that others use too, what a run makes has its id in its name, and so has what refers to it."""

import re
from typing import Any

from acceptance.kubernetes.manifests import NAME, RUN, Manifest, containers_of, graph_of, pod_of

# by which manifests call the run's MLflow
MLFLOW = re.compile(r"(?<![\w.-])mlflow:5000\b")
# KServe's, of a Secret: the ConfigMap of the object store's certificate authority
AUTHORITY = "serving.kserve.io/s3-cabundle-configmap"


def named(name: str, run: str) -> str:
    """Return a name with the run's id at its end, once."""
    return name if name.endswith(f"-{run}") else f"{name}-{run}"


def selector(run: str) -> str:
    """Return the label selector of the run's objects and pods."""
    return f"{RUN}={run}"


def rename(manifest: Manifest, run: str, keep_pull_secret: bool = False) -> Manifest:
    """Give the object its name with the run's id, and put the names of the run's others into what refers to them.

    `keep_pull_secret`: the pull secret is the namespace's own, and no copy. An object that has its name already stays.
    """
    metadata, spec = manifest["metadata"], manifest.get("spec", {})
    for field in ("name", "generateName"):
        if field in metadata:
            metadata[field] = named(metadata[field].rstrip("-"), run) + ("-" if field == "generateName" else "")
    if manifest["kind"] == "Service":
        spec["selector"][RUN] = run
    if manifest["kind"] == "Deployment":
        spec["selector"]["matchLabels"][RUN] = run
    if manifest["kind"] == "ServiceAccount":
        for secret in manifest.get("secrets", []):
            secret["name"] = named(secret["name"], run)
    if manifest["kind"] == "SeldonDeployment":
        graph_of(manifest)["envSecretRefName"] = named(graph_of(manifest)["envSecretRefName"], run)
    if AUTHORITY in metadata.get("annotations", {}):
        metadata["annotations"][AUTHORITY] = named(metadata["annotations"][AUTHORITY], run)
    if pod := pod_of(manifest):
        rename_in_pod(pod["spec"], run, keep_pull_secret)
    for container in containers_of(manifest):
        rename_in_container(container, run)
    return manifest


def rename_in_pod(spec: Manifest, run: str, keep_pull_secret: bool) -> None:
    if account := spec.get("serviceAccountName"):
        spec["serviceAccountName"] = named(account, run)
    for volume in spec.get("volumes", []):
        for kind, key in (("configMap", "name"), ("secret", "secretName")):
            if kind in volume:
                volume[kind][key] = named(volume[kind][key], run)
    if not keep_pull_secret:
        for secret in spec.get("imagePullSecrets", []):
            secret["name"] = named(secret["name"], run)


def rename_in_container(container: Manifest, run: str) -> None:
    for source in container.get("envFrom", []):
        for reference in source.values():
            reference["name"] = named(reference["name"], run)
    for variable in container.get("env", []):
        reference = variable.get("valueFrom", {}).get("secretKeyRef")
        if reference:
            reference["name"] = named(reference["name"], run)
        if "value" in variable:
            variable["value"] = with_mlflow(variable["value"], run)
    for field in ("command", "args"):
        if field in container:
            container[field] = [with_mlflow(word, run) for word in container[field]]


def with_mlflow(text: Any, run: str) -> Any:
    return MLFLOW.sub(f"{named('mlflow', run)}:5000", text) if isinstance(text, str) else text


def labels(name: str, run: str) -> dict[str, str]:
    """Return the labels by which the network policies of the site see a pod of the run's; MLflow's has no id in it."""
    return {NAME: name if name == "mlflow" else named(name, run), RUN: run}
