"""Meshes that put containers of theirs into pods: how a namespace asks for it, and how the run's pods go without.

A sidecar that doesn't end keeps a Job from ending, and one in some of a run's pods alone may shut the others out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from acceptance.errors import Problem
from acceptance.kubernetes import manifests
from acceptance.kubernetes.manifests import Manifest


@dataclass(frozen=True)
class Mesh:
    """What of a namespace asks for its sidecars, with any value where none is listed; what a pod says to get none.

    https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
    https://linkerd.io/2/features/proxy-injection/
    https://kuma.io/docs/latest/guides/injection/
    """

    name: str
    asks: Mapping[str, tuple[str, ...]]
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


MESHES = (
    Mesh("Istio", {"istio-injection": ("enabled",), "istio.io/rev": ()}, labels={"sidecar.istio.io/inject": "false"}),
    Mesh("Linkerd", {"linkerd.io/inject": ("enabled", "ingress")}, annotations={"linkerd.io/inject": "disabled"}),
    Mesh("Kuma", {"kuma.io/sidecar-injection": ("enabled",)}, labels={"kuma.io/sidecar-injection": "disabled"}),
)


def meshes_of(namespace: Any) -> list[Mesh]:
    """Return the meshes that put sidecars into a namespace's pods, by its labels and annotations."""
    metadata = namespace.metadata
    said = {**(metadata.annotations or {}), **(metadata.labels or {})}
    return [
        mesh
        for mesh in MESHES
        if any(key in said and (not values or said[key] in values) for key, values in mesh.asks.items())
    ]


def leave_out(manifest: Manifest, mesh: Mesh) -> None:
    """Have the manifest's pods go without the mesh's sidecars."""
    if pod := manifests.pod_of(manifest):
        pod["metadata"].setdefault("labels", {}).update(mesh.labels)
        if mesh.annotations:
            pod["metadata"].setdefault("annotations", {}).update(mesh.annotations)


def never_ends(manifest: Manifest, pod: Any) -> Problem | None:
    """Say that a webhook puts a container into pods that are to end; `pod`: as the API server would make it.

    One that starts before the others and is ended with them (a native sidecar) does no harm.
    """
    described = manifests.pod_of(manifest)
    if not described or (manifest["kind"] != "Job" and described["spec"].get("restartPolicy") != "Never"):
        return None
    own = {container["name"] for container in described["spec"]["containers"]}
    more = [container.name for container in pod.spec.containers if container.name not in own]
    if not more:
        return None
    return Problem(
        f"the pods of {manifest['kind']} {manifest['metadata']['name']} get the container {', '.join(more)} by an "
        "admission webhook, and would never end",
        "have it leave the run's pods alone, by their label app.kubernetes.io/part-of=triton-acceptance",
    )
