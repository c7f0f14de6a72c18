"""What runs in a pod to its end: a pod that looks at something, and a training."""

from collections.abc import Callable
from typing import Any

from acceptance.kubernetes.deletion import Deletion
from acceptance.kubernetes.gpu_access import GpuAccess, check_has_gpu
from acceptance.kubernetes.manifests import Manifest
from acceptance.kubernetes.namespace import Namespace
from acceptance.redaction.redactor import Redactor
from acceptance.stacks.protocol import PodResult
from acceptance.training import project
from acceptance.training.recipes import Recipe
from acceptance.training.tracking import load_client

LOG_LINES = 1000


class EndingPods:
    """Runs each and deletes it; one on the GPU gets the chosen node's, and is gone before the next one asks."""

    def __init__(self, namespace: Namespace, deletion: Deletion, gpu_access: GpuAccess, redactor: Redactor) -> None:
        self.namespace, self.deletion, self.gpu_access, self.redactor = namespace, deletion, gpu_access, redactor

    def run(self, pod: Manifest) -> PodResult:
        container = pod["metadata"]["name"]
        name = self.namespace.named(container)
        self.namespace.create(pod, name)
        with self.deletion.after("Pod", name=name, frees_gpu=True):
            ended = self.namespace.waits.finished(name)
            with self.namespace.cluster.api_errors(f"reading the log of pod {name}"):
                log = self.namespace.live.log(self.namespace.name, name, container, False, LOG_LINES)
            if ended.status.phase != "Succeeded" and (cause := self.namespace.pods.diagnose(ended)):
                log = f"{log}\n{cause.text}"
            return PodResult(container, ended.status.phase, self.redactor.text(log))

    def train(self, job: Manifest, name: str, recipe: Recipe, check_others: Callable[[], None]) -> None:
        """Run a training's Job; `check_others` raises when what it needs has died."""
        gpu = recipe.device == "gpu"
        if gpu:
            self.gpu_access.give(job, "trainer")
        self.namespace.create(job, name)
        load_client()  # it takes seconds, as the pod's start does

        def progress(pod: Any) -> str:
            check_others()
            return project.progress(self.namespace.logs.file(pod.metadata.name, "trainer"))

        with self.deletion.after("Job", name=name, frees_gpu=gpu):
            pod = self.namespace.waits.succeeded(name, recipe.most_seconds, progress)
            if gpu:
                check_has_gpu(pod, self.namespace.gpu)
