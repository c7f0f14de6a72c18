"""A predictor in the run's namespace, however it is made: its start, its log, the model that it loaded, and its end."""

import contextlib
from collections.abc import Sequence

from acceptance.errors import AcceptanceError
from acceptance.kubernetes.client import ApiServerGone
from acceptance.kubernetes.deletion import Deletion
from acceptance.kubernetes.execution import output_in_pod
from acceptance.kubernetes.gpu_access import GpuAccess, check_has_gpu
from acceptance.kubernetes.manifests import Manifest
from acceptance.kubernetes.namespace import Namespace
from acceptance.serving import repository, served_model
from acceptance.serving.endpoint import Endpoint, Predictor
from acceptance.serving.served_model import ServedModel
from acceptance.stacks.deployment_serving import Serving
from acceptance.training.tracking import TrainingRun

LOG_LINES = 5000


class PodPredictors:
    """Starts predictors that `serving` makes; one on the GPU gets the chosen node's."""

    def __init__(self, namespace: Namespace, deletion: Deletion, gpu_access: GpuAccess, serving: Serving) -> None:
        self.namespace, self.deletion, self.gpu_access, self.serving = namespace, deletion, gpu_access, serving

    def start(self, manifests: Sequence[Manifest], name: str, run: TrainingRun, device: str) -> Predictor:
        """Create what the predictor is made of, and wait for its pod; where it fails, nothing is left of it."""
        serving = self.serving
        try:
            for manifest in manifests:
                if device == "gpu" and manifest["kind"] == serving.with_pod:
                    self.gpu_access.give(manifest, serving.container)
                self.namespace.create(manifest, name)
            pod = serving.wait_ready(name)
            if device == "gpu":
                check_has_gpu(pod, self.namespace.gpu)
            inside, way = serving.inside(name), serving.way(name)
        except BaseException as error:
            self.deletion.of_failed(tuple(serving.kinds), name, device == "gpu", error)
            raise
        http, grpc, metrics = (self.namespace.forward(name, port) if port else "" for port in serving.ports)

        def stop() -> None:
            with contextlib.suppress(ApiServerGone):  # the namespace's end says so
                serving.delete(name)

        def wait_gone() -> None:
            if device == "gpu":
                self.namespace.waits.gone(name)

        return Predictor(
            Endpoint(name, http, grpc, metrics, repository.MODEL, device, run, inside=inside, way=way),
            read_log=lambda: self.read_log(name),
            read_model=lambda: self.read_model(name),
            stop=stop,
            wait_gone=wait_gone,
        )

    def read_log(self, name: str) -> str:
        pod = self.namespace.pods.one_ready(name).metadata.name
        with self.namespace.cluster.api_errors(f"reading the log of pod {pod}"):
            return self.namespace.live.log(self.namespace.name, pod, self.serving.container, False, LOG_LINES)

    def read_model(self, name: str) -> ServedModel:
        """Read the file in the server's container, or where nothing can be run there, as its init container saw it."""
        namespace, serving = self.namespace, self.serving
        pod = namespace.pods.one_ready(name).metadata.name
        path = f"{serving.folder}/{served_model.FILE}"
        try:
            words = output_in_pod(namespace.cluster, namespace.name, pod, serving.container, ["sha256sum", path])
            return served_model.read_words(words, f"{path} in pod {pod}")
        except AcceptanceError as error:
            if not serving.copier:
                raise
            words = namespace.live.log(namespace.name, pod, serving.copier, False, LOG_LINES)
            place = f"{path} in pod {pod}, as its init container wrote it ({error.problem.what})"
            return served_model.read_words(words, place)
