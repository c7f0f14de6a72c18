"""What is looked at once a run's namespace is there, and before anything is trained: all that would fail later."""

import contextlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence, Set

from acceptance.errors import AcceptanceError, Problem
from acceptance.gpu.nvidia_smi import Gpu
from acceptance.kubernetes import admission, manifests, sidecars
from acceptance.kubernetes.gpu_access import GpuAccess
from acceptance.kubernetes.image_pods import LOOK_SECONDS, ImagePods
from acceptance.kubernetes.image_sources import ImageSources
from acceptance.kubernetes.manifests import Manifest
from acceptance.kubernetes.namespace import Namespace
from acceptance.kubernetes.rights import FOR_GPU, Right, missing_rights
from acceptance.serving import onnx_versions
from acceptance.serving.onnx_versions import OnnxVersions
from acceptance.stacks import kubernetes_objects as objects
from acceptance.stacks.kubernetes_objects import Planned
from acceptance.stacks.protocol import Part

IMAGE_CHECK = "image-check"
# what shows that an image has what the run calls in it, and ends at once; one that isn't here runs its own program
COMMANDS = {
    "trainer": ["sh", "-c", "command -v mlflow && command -v python && command -v python3"],
    "vegeta": ["/usr/local/bin/vegeta", "-version"],
    "cuda": ["sh", "-c", "command -v sed"],
}


class Preflight:
    """Looks at the parts that a run will start as far as this account may; what it may not is a problem itself.

    Parts on a GPU are left out where there is none, or where that can't be told: their scenarios say why. `predictor`
    returns what a predictor will be made of; `rights`: what this run needs in its namespace besides; `own_store`: it
    will have a MinIO in there; `loaded`: the images that it put into the nodes.
    """

    def __init__(
        self,
        namespace: Namespace,
        gpu_access: GpuAccess,
        parts: Set[Part],
        backend: str,
        require_gpu: bool,
        predictor: Callable[[str, str], list[Planned]],
        rights: Sequence[Right] = (),
        own_store: bool = False,
        loaded: Collection[str] = (),
    ) -> None:
        self.namespace, self.gpu_access, self.backend = namespace, gpu_access, backend
        self.predictor, self.rights, self.own_store = predictor, rights, own_store
        on_gpu = {part for part in parts if part.device == "gpu"}
        self.needs_gpu = require_gpu and bool(on_gpu)
        self.sources = ImageSources(namespace, loaded)
        self.images: ImagePods | None = None
        self.parts = parts if on_gpu and self.has_gpu() else parts - on_gpu

    def has_gpu(self) -> bool:
        with contextlib.suppress(AcceptanceError):
            return isinstance(self.gpu_access.find(), Gpu)
        return False

    def problems(self, image_seconds: float = LOOK_SECONDS, begin: Callable[[], None] = lambda: None) -> list[Problem]:
        """Return all that is wrong, within 30 s; images that are still pulled then go on beside the run.

        `begin` starts the run's MLflow, or its store, where MLflow is needed and nothing is wrong before the images are
        looked at.
        """
        found = [*self.namespace.lacking.values(), *self.missing_gpu_rights()]
        rights = self.namespace.fit_rights(self.rights)
        found += missing_rights(self.namespace.cluster, rights, self.namespace.name).values()
        planned = objects.planned(self.parts, self.predictor, self.own_store)
        for one in planned:
            if one.gpu:
                self.gpu_access.give(one.manifest, one.gpu)
        images, began = self.image_pods(planned), time.monotonic()
        hopeless = self.hopeless(images)
        image_seconds -= time.monotonic() - began
        found += [*hopeless.values(), *self.refused(planned)]
        if not found and any(one.name == "mlflow" for one in planned):
            begin()
        if not self.namespace.lacks("Pod", "Event"):
            self.images = ImagePods(self.namespace, {name: pod for name, pod in images.items() if name not in hopeless})
            failed = self.images.problems(image_seconds)
            found += failed + self.sources.causes(failed)
        return list(dict.fromkeys(found))

    def onnx_limits(self) -> OnnxVersions | None:
        """Return how new a model Triton's image takes, None where it has not said so."""
        said = self.images.said if self.images else {}
        # the same image on either node
        named = self.namespace.named
        words = (said.get(named(image_name("triton", on_gpu_node)), "") for on_gpu_node in (False, True))
        return onnx_versions.read_answer("\n".join(words))

    def missing_gpu_rights(self) -> list[Problem]:
        return list(missing_rights(self.namespace.cluster, FOR_GPU).values()) if self.needs_gpu else []

    def refused(self, planned: Sequence[Planned]) -> list[Problem]:
        """Return what the API server refuses of the objects and their pods, and what the quotas leave too little of."""
        found, pods, namespace = list[Problem](), {}, self.namespace
        with namespace.cluster.api() as api:
            quotas = admission.quotas(namespace, api)
            for one in planned:
                if not namespace.lacks(one.manifest["kind"], "Pod"):
                    manifest = namespace.fit(one.manifest, one.name)
                    found += filter(None, [namespace.architectures.at_odds(manifest, namespace.images)])
                    pod, problems = admission.try_out(namespace, api, manifest)
                    found += problems
                    if pod:
                        pods[one.name] = pod
                        found += filter(None, [sidecars.never_ends(manifest, pod)])
        return found + admission.over_quota(quotas, pods, objects.at_once(self.parts))

    def hopeless(self, pods: Mapping[str, Manifest]) -> dict[str, Problem]:
        """Return why pods can't have or run their image, as registries and nodes say; by the pods' names."""
        named = self.namespace.images.named
        images = {name: named(manifests.container_of(pod, IMAGE_CHECK)["image"]) for name, pod in pods.items()}
        self.sources.look(sorted(set(images.values())))
        found = {}
        for name, image in images.items():
            kept_to_node = "affinity" in pods[name]["spec"]
            if problem := self.sources.problem_of(image, self.gpu_access.chosen_node if kept_to_node else None):
                found[name] = problem
        return found

    def image_pods(self, planned: Sequence[Planned]) -> dict[str, Manifest]:
        """Return a pod for each image that the objects name, by its name; on the GPU's node too where it is needed."""
        found = {}
        for one in planned:
            for container in manifests.containers_of(one.manifest):
                if "image" not in container:  # its runtime has it
                    continue
                image, gpu = container["image"], manifests.asks_for_gpu(one.manifest)
                found[self.namespace.named(image_name(image, gpu))] = self.image_pod(image, gpu)
        return found

    def image_pod(self, image: str, gpu: bool) -> Manifest:
        (pod,) = manifests.read_component(IMAGE_CHECK)
        container = manifests.container_of(pod, IMAGE_CHECK)
        container["image"] = image
        if image in COMMANDS:
            container["command"] = COMMANDS[image]
        if image == "triton":
            container |= objects.triton_check(self.backend)
        if gpu:
            self.gpu_access.keep_near(pod)
        return pod


def image_name(image: str, on_gpu_node: bool = False) -> str:
    return f"image-{image}-on-gpu-node" if on_gpu_node else f"image-{image}"
