"""Loads that are sent from pods of the run's namespace; their tables come back by the run's MLflow."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

from acceptance.kubernetes.deletion import Deletion
from acceptance.kubernetes.namespace import Namespace
from acceptance.load import vegeta
from acceptance.load.measured import Progress
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.serving.endpoint import Endpoint
from acceptance.stacks import kubernetes_objects as objects
from acceptance.training.artifacts import ArtifactClient


class PodLoads:
    """Sends each load from a Job of its own; `directory`: where a table lies while it is read."""

    def __init__(self, namespace: Namespace, deletion: Deletion, artifacts: ArtifactClient, directory: Path) -> None:
        self.namespace, self.deletion, self.artifacts, self.directory = namespace, deletion, artifacts, directory

    def send(self, endpoint: Endpoint, plans: Mapping[str, LoadPlan], progress: Progress) -> list[LoadResult]:
        """Send all plans at once, each by the name of its Job; return their results in the same order."""
        with contextlib.ExitStack() as ended:
            for name, plan in plans.items():
                for manifest in objects.load(name, endpoint, plan, artifact_of(name)):
                    self.namespace.create(manifest, name)
                ended.enter_context(self.deletion.after("Job", name=name))
            for name, plan in plans.items():
                self.namespace.waits.succeeded(name, plan.most_seconds, lambda pod: progress())
        return [self.fetch(name, plan) for name, plan in plans.items()]

    def fetch(self, name: str, plan: LoadPlan) -> LoadResult:
        table = self.directory / f"{name}.csv"
        table.write_bytes(self.artifacts.get(artifact_of(name)))
        result = vegeta.read_table(table, plan)
        # a dozen of the tutorial's loads would take a GiB, here and in the cluster
        table.unlink()
        self.artifacts.delete(artifact_of(name))
        return result


def artifact_of(load: str) -> str:
    """Return where the run's MLflow has a load's table."""
    return f"loads/{load}.csv"
