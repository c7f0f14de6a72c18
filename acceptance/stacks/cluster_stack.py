"""A run's place in a cluster: its namespace, its object store, what makes its predictors, and how all of it ends."""

import contextlib
import dataclasses
import os
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Self

from kubernetes import client

from acceptance.clusters import PROVIDERS
from acceptance.clusters.provider import Provider
from acceptance.errors import Problem
from acceptance.images import read_images
from acceptance.kubernetes import releases
from acceptance.kubernetes.client import SECONDS, connect
from acceptance.kubernetes.deletion import Deletion
from acceptance.kubernetes.given_namespace import GivenNamespace
from acceptance.kubernetes.gpu_access import GpuAccess
from acceptance.kubernetes.model_pulls import model_pulls
from acceptance.kubernetes.namespace import Namespace
from acceptance.kubernetes.pulls import pulls
from acceptance.paths import CODESET
from acceptance.processes.local import Processes
from acceptance.settings import Settings
from acceptance.stacks import kubernetes_makers, kubernetes_mlflow, run_store
from acceptance.stacks.base import BaseStack
from acceptance.stacks.kubernetes_egress import PodEgress
from acceptance.stacks.kubernetes_mlflow import ClusterMlflow
from acceptance.stacks.kubernetes_preflight import Preflight
from acceptance.stacks.kubernetes_store import ClusterStore
from acceptance.stacks.protocol import Say, TargetFacts
from acceptance.stacks.run_store import UsersStore
from acceptance.stacks.workspace import Workspace
from acceptance.training import server


class ClusterStack(BaseStack):
    """A stack in a namespace of a cluster; `codeset` is the MLflow Project."""

    providers: ClassVar[Mapping[str, type[Provider]]] = PROVIDERS

    def __init__(self, settings: Settings, workspace: Workspace, say: Say, codeset: Path = CODESET) -> None:
        super().__init__(settings, workspace, say)
        self.codeset = codeset
        self.images = read_images(settings.images, settings.registry)
        self.preflight: Preflight | None = None
        self.own_store: ClusterStore | None = None
        self.egress = PodEgress(settings, self.server)

    @classmethod
    def problems(cls, settings: Settings) -> list[Problem]:
        found = [*cls.providers[settings.target].problems(settings), *run_store.problems(settings, "pods")]
        found += server.problems(settings, "pods")
        return found or kubernetes_makers.problems(settings)

    @classmethod
    def describe(cls, settings: Settings) -> str:
        return cls.providers[settings.target].describe(settings)

    # --- its beginning and its end

    def __enter__(self) -> Self:
        directory, redactor = self.workspace.directory, self.workspace.redactor
        # its guardian is what removes the cluster or the namespace of a pytest that was killed
        self.processes = Processes(directory, self.workspace.logs, redactor, stderr=self.workspace.stderr)
        provider = self.providers[self.settings.target]
        self.provider = provider(self.settings, self.images, directory, self.processes, self.say)
        with contextlib.ExitStack() as started:
            started.callback(self.processes.close)
            access = started.enter_context(self.provider)
            self.cluster = connect(access.context, directory, redactor, access.kubeconfig)
            if remark := releases.too_old(self.cluster.version):
                self.say(f"Kubernetes {self.cluster.version}: {remark}")
            self.maker = kubernetes_makers.find_maker(self.cluster, self.settings)
            if note := self.egress.not_for_copier:
                self.say(note)
            self.images = dataclasses.replace(self.images, triton=self.maker.triton or self.images.triton)
            self.provider.load(self.images.of_pods(self.settings.minio))
            of_namespace = GivenNamespace if self.settings.namespace else Namespace
            self.namespace = of_namespace(
                self.cluster,
                secrets.token_hex(4),
                self.images,
                self.workspace.logs,
                self.settings.keep,
                self.say,
                self.settings.pod_security,
                self.settings.pods,
                self.settings.namespace,
            )
            self.gpu_access = GpuAccess(self.namespace)
            self.deletion = Deletion(self.namespace, self.settings.keep)
            self.delete_if_killed()
            if self.settings.minio:
                self.own_store = ClusterStore(self.namespace, self.settings, self.workspace, self.say)
                self.store = self.own_store
            elif self.settings.store:  # its prefix goes once nothing is left that writes there
                self.store = UsersStore(self.settings, self.workspace, self.processes, self.say)
            self.serving = self.maker.serving(self.namespace, self.store, self.images, directory)
            self.own_mlflow = ClusterMlflow(self.namespace, self.store, self.egress, self.mlflow, self.check, self.say)
            started.enter_context(self.namespace)
            if self.provider.has_gpu:
                self.gpu_access.wait_for_plugin()
            started.pop_all()
        return self

    @property
    def uses(self) -> list[str]:
        """The kinds of objects that this run makes besides those of every run."""
        asked = self.settings
        keys = asked.store or asked.mlflow or asked.pods.pull_secret or asked.pods.egress
        secrets = ["Secret"] if keys else []
        return [*secrets, *self.maker.kinds]

    def delete_if_killed(self) -> None:
        """Have the guardian delete what a killed pytest made there; a cluster of the run's own goes whole."""
        if not self.provider.own:
            self.processes.afterwards(
                self.namespace.removal(self.workspace.directory, self.uses),
                fix=f"`{self.namespace.clean_cluster}` deletes what is left",
                environment=os.environ,  # an exec plugin may need any of it to log in
            )

    def __exit__(self, *error: object) -> None:
        try:
            with contextlib.ExitStack() as ended:
                if self.store:
                    ended.callback(self.store.close)
                ended.push(self.provider)
                ended.callback(self.namespace.close)
            self.processes.tell_guardian("release")  # nothing is left for it to do
        finally:
            self.processes.close(keep=self.settings.keep)

    def check(self) -> None:
        self.namespace.pods.check()

    def save_evidence(self) -> None:
        self.namespace.save_evidence()
        self.save_metrics()

    def facts(self) -> TargetFacts:
        with self.cluster.api_errors("asking for its version"):
            version = client.VersionApi(self.cluster.api()).get_code(_request_timeout=SECONDS).git_version
        meshes = {mesh.name: "its sidecars are left out of the run's pods" for mesh in self.namespace.meshes}
        watches = self.namespace.watches
        copied = model_pulls([*watches.pods.items(), *watches.pods.deleted()], self.maker.initializer)
        images = self.preflight.sources if self.preflight else None
        unchecked = [f"{hidden}: this account may not look"] if (hidden := self.namespace.unchecked()) else []
        unchecked += [*(images.unchecked() if images else []), *self.egress.unchecked(bool(self.tracking_uri))]
        versions = {
            "Kubernetes": releases.described(version),
            **self.maker.facts(),
            **meshes,
            **(images.digests() if images else {}),
        }
        if unchecked:
            versions["not checked"] = "; ".join(unchecked)
        return TargetFacts(versions, [*pulls(watches.events.items()), *copied])

    def how_to_reach(self) -> str:
        mlflow = f"deployment/{self.namespace.named('mlflow')} {kubernetes_mlflow.PORT}"
        lines = [f"MLflow: {self.port_forward} {mlflow}"] if self.tracking_uri else []
        lines += [f"MLflow of yours: {self.server}"] if self.server else []
        lines += self.ways_in()
        if self.own_store and self.own_store.prepared:
            lines += self.own_store.how_to_reach()
        remove = self.provider.how_to_remove() or self.namespace.how_to_remove
        if self.store and self.store.how_to_remove:
            remove += f"; {shlex.join(self.store.how_to_remove)}"
        return "\n".join([*lines, f"remove: {remove}; rm -rf {shlex.quote(str(self.workspace.directory))}"])

    @property
    def port_forward(self) -> str:
        return f"{self.cluster.kubectl} -n {self.namespace.name} port-forward"

    def ways_in(self) -> list[str]:
        """Return a line on how to reach each predictor."""
        ports, owners = " ".join(str(port) for port in self.serving.ports if port), self.namespace.pods.owners
        return [f"{name}: {self.port_forward} deployment/{owners.get(name, name)} {ports}" for name in self.predictors]
