"""The run's MLflow in its own namespace, and what lies there for trainings and predictors."""

import dataclasses
import tempfile
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from acceptance.data.dataset import Dataset
from acceptance.kubernetes.namespace import Namespace
from acceptance.serving import repository
from acceptance.stacks import kubernetes_objects as objects
from acceptance.stacks.kubernetes_egress import PodEgress
from acceptance.stacks.kubernetes_store import ClusterStore
from acceptance.stacks.protocol import Say
from acceptance.stacks.run_store import RunStore
from acceptance.training.artifacts import ArtifactClient
from acceptance.training.tracking import TrainingRun

PORT = 5000
ROOT = "mlflow-artifacts:/"


class ClusterMlflow:
    """Nothing of it is there before `create`; it all goes with the namespace.

    `uri` returns where it is reached from here, and starts it if need be; `check_others` raises when something died
    that should run.
    """

    def __init__(
        self,
        namespace: Namespace,
        store: RunStore | None,
        egress: PodEgress,
        uri: Callable[[], str],
        check_others: Callable[[], None],
        say: Say,
    ) -> None:
        self.namespace, self.store, self.egress = namespace, store, egress
        self.uri, self.check_others, self.say = uri, check_others, say
        self.created, self.prepared = False, False

    def create(self) -> None:
        """Create it, once: it starts while images are looked at, or once a store of the run's own is."""
        if isinstance(self.store, ClusterStore):
            self.store.prepare()
        if not self.created:
            self.created = True
            for manifest in [*self.egress.objects(self.namespace.named, self.store), *objects.mlflow(self.store)]:
                self.namespace.create(manifest)

    def start(self) -> str:
        """Return its URI, as it is reached from here, once it is ready."""
        self.create()
        pod = self.namespace.waits.ready("mlflow")
        # its database and artifacts live and die with the pod
        self.namespace.pods.vital[pod.metadata.uid] = "MLflow"
        return f"http://{self.namespace.forward('mlflow', PORT)}"

    def check(self) -> None:
        self.check_others()
        self.namespace.pods.check_answers("mlflow")

    @cached_property
    def artifacts(self) -> ArtifactClient:
        return ArtifactClient(self.uri(), self.check)

    def prepare(self, dataset: Dataset, codeset: Path) -> None:
        """Put the data set's files into it, and the codeset's folder into the namespace, once."""
        if self.prepared:
            return
        for file in dataset.files():
            self.say(f"uploading {file.name} to the run's MLflow")
            with file.open("rb") as stream:
                self.artifacts.put(f"{objects.DATASET}/{dataset.folder.name}/{file.name}", stream)
        self.namespace.create(objects.codeset(codeset))
        self.prepared = True

    def copied(self, run: TrainingRun, directory: Path) -> TrainingRun:
        """Copy the model from the user's server to here, where predictors read it; it goes with the namespace."""
        copy = copy_of(run)
        place = copy.model_uri("onnx").removeprefix(ROOT)
        with tempfile.TemporaryDirectory(dir=directory) as folder:
            model = run.download_model("onnx", Path(folder)) / repository.MODEL_FILE
            with model.open("rb") as stream:
                self.artifacts.put(f"{place}/{model.name}", stream)
        return copy


def copy_of(run: TrainingRun) -> TrainingRun:
    """Return the run with its ONNX model where `copied` puts it."""
    return dataclasses.replace(run, models={**run.models, "onnx": f"{ROOT}models/{run.run_id}/onnx"})
