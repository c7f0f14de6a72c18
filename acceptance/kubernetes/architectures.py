"""Which architectures a pod's images have, and that pods go only to nodes of those."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field

from kubernetes.client import V1Node

from acceptance.errors import Problem
from acceptance.images import Images
from acceptance.kubernetes import manifests
from acceptance.kubernetes.manifests import Manifest
from acceptance.kubernetes.view import labels_of

LABEL = "kubernetes.io/arch"
# for which TensorFlow and Triton are made
POSSIBLE = frozenset({"amd64", "arm64"})
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


@dataclass
class Architectures:
    """The architectures of each image of which they are known, and the `usual` ones of all others."""

    usual: Set[str] = frozenset({"amd64"})
    known: dict[str, Set[str]] = field(default_factory=dict)

    @classmethod
    def of_site(cls, node_selector: Mapping[str, str]) -> "Architectures":
        """Return those of a site, which may keep all pods to one."""
        return cls(frozenset({node_selector[LABEL]})) if LABEL in node_selector else cls()

    def of(self, *images: str) -> Set[str]:
        """Return the architectures that all the images have, and the suite may run on."""
        return (POSSIBLE | self.usual).intersection(*(self.known.get(image, self.usual) for image in images))

    def keep_to(self, manifest: Manifest, images: Images) -> None:
        """Have a pod that is kept to an architecture go to nodes of one that its images have.

        One whose images have none in common stays as it is.
        """
        spec = (manifests.pod_of(manifest) or {}).get("spec", {})
        if LABEL not in spec.get("nodeSelector", {}):
            return
        found = sorted(self.of(*images_of(manifest, images)))
        if len(found) == 1:
            spec["nodeSelector"][LABEL] = found[0]
        if len(found) > 1:
            del spec["nodeSelector"][LABEL]
            of_nodes = spec.setdefault("affinity", {}).setdefault("nodeAffinity", {})
            # each term is enough by itself
            for term in of_nodes.setdefault(REQUIRED, {"nodeSelectorTerms": [{}]})["nodeSelectorTerms"]:
                term.setdefault("matchExpressions", []).append({"key": LABEL, "operator": "In", "values": found})

    def at_odds(self, manifest: Manifest, images: Images) -> Problem | None:
        """Say that a pod's images have no architecture in common, though each has one."""
        each = {image: self.of(image) for image in images_of(manifest, images)}
        if not all(each.values()) or self.of(*each):
            return None
        words = " and ".join(f"{image} is for {', '.join(sorted(found))}" for image, found in each.items())
        what = f"{manifest['kind']} {manifest['metadata']['name']}: its images have no architecture in common: {words}"
        return Problem(what, "name others with `--images FILE`")


def images_of(manifest: Manifest, images: Images) -> list[str]:
    """Return the images of a manifest's pods; KServe puts Triton's into its own."""
    return [container.get("image", images.triton) for container in manifests.containers_of(manifest)]


def of_nodes(nodes: Iterable[V1Node]) -> Set[str]:
    """Return the architectures of the nodes that tell theirs."""
    return {labels_of(node)[LABEL] for node in nodes if LABEL in labels_of(node)}
