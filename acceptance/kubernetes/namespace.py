"""A run's own namespace: from its creation, through what is created and deleted in it, to its end."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from kubernetes import client

from acceptance.errors import Problem
from acceptance.gpu.node import GPU_RESOURCE
from acceptance.images import Images
from acceptance.kubernetes import cleanup, kinds, manifests, pod_rules, site
from acceptance.kubernetes.architectures import Architectures
from acceptance.kubernetes.cleanup import KEPT, OWNER, delete_namespace
from acceptance.kubernetes.client import SECONDS, Cluster
from acceptance.kubernetes.evidence import save_evidence
from acceptance.kubernetes.gpu_nodes import runtime_class
from acceptance.kubernetes.logs import Logs
from acceptance.kubernetes.manifests import RUN, Manifest
from acceptance.kubernetes.openshift import is_openshift
from acceptance.kubernetes.pod_waits import PodWaits
from acceptance.kubernetes.pods import Pods
from acceptance.kubernetes.port_forward import Forward
from acceptance.kubernetes.rights import IN_NAMESPACE, RESOURCES, TO_LOOK, Right, missing_rights
from acceptance.kubernetes.sidecars import Mesh
from acceptance.kubernetes.view import LiveCluster
from acceptance.kubernetes.watches import Watches
from acceptance.processes.local import module_command
from acceptance.processes.owner import owner
from acceptance.settings import PodRules
from acceptance.waiting import Ready, wait_until

NO_RULES = PodRules()
POD_SECURITY = "pod-security.kubernetes.io/enforce"


class Namespace:
    """A fresh namespace, as a context manager; everything in it goes with it, unless it is kept."""

    selector: ClassVar[Callable[[str], str]] = lambda run: ""
    """The label selector of the run's own pods, by the run's id; "" where all are."""
    to_look: ClassVar[Sequence[Right]] = TO_LOOK

    def __init__(
        self,
        cluster: Cluster,
        run: str,
        images: Images,
        folder: Path,
        keep: bool = False,
        say: Callable[[str], None] = lambda text: None,
        pod_security: str = "restricted",
        rules: PodRules = NO_RULES,
        name: str = "",
    ) -> None:
        self.cluster, self.run, self.images, self.folder, self.keep = cluster, run, images, folder, keep
        self.pod_security, self.rules = pod_security, rules
        self.name = name or f"triton-acceptance-{run}"
        self.logs = Logs(cluster, folder)
        self.watches = Watches(cluster, self.name, self.logs.see, type(self).selector(run))
        self.pods = Pods(cluster, self.watches, lambda: self.live, folder)
        self.waits = PodWaits(self.pods, say, f"`{cluster.kubectl} -n {self.name} describe pods` and {folder}")
        self.say, self.meshes = say, list[Mesh]()
        # OpenShift gives each namespace users of its own, and refuses pods that name another
        self.assigns_users = False
        self.forwards: dict[str, list[Forward]] = {}  # of each component
        self.lacking: dict[Right, Problem] = {}
        """The rights that this account lacks in the namespace, once there is one."""
        self.architectures = Architectures.of_site(rules.node_selector)

    @property
    def gpu(self) -> str:
        """The resource by which the cluster's nodes count GPUs."""
        return self.rules.gpu_resource or GPU_RESOURCE

    @property
    def live(self) -> LiveCluster:
        """The cluster as this account sees it now: tokens expire during a long training."""
        return LiveCluster(client.CoreV1Api(self.cluster.api()), gpu=self.gpu)

    @cached_property
    def gpu_runtime(self) -> str:
        """The RuntimeClass of pods with a GPU, "" where the cluster needs none."""
        if self.rules.runtime_class:
            return self.rules.runtime_class
        with self.cluster.api_errors("asking for the RuntimeClass of pods with a GPU"), self.cluster.api() as api:
            return runtime_class(api)

    # --- its beginning and its end

    def __enter__(self) -> "Namespace":
        try:
            self.begin()
            if self.rules.pull_secret:
                self.copy_pull_secret()
            self.watches.start()
            return self
        except BaseException:
            self.close()
            raise

    def __exit__(self, *error: object) -> None:
        self.close()

    def begin(self) -> None:
        """Create the namespace, with its quota and its policy."""
        with self.cluster.api_errors("asking whether it is OpenShift"), self.cluster.api() as api:
            self.assigns_users = is_openshift(api)
        parts = sorted(self.parts(), key=lambda manifest: manifest["kind"] != "Namespace")
        parts[0]["metadata"].update(name=self.name, annotations={OWNER: owner(), KEPT: str(self.keep).lower()})
        parts[0]["metadata"]["labels"][POD_SECURITY] = self.pod_security
        self.create(parts[0])
        # a cluster may give rights in a namespace to who made it
        self.lacking = missing_rights(self.cluster, self.fit_rights(IN_NAMESPACE), self.name)
        for manifest in parts[1:]:
            if not self.lacks(manifest["kind"]):
                self.create(manifest)
        if not self.lacks("ServiceAccount"):
            self.wait_for_account()

    def parts(self) -> list[Manifest]:
        """Return what a namespace is made of: itself, its quota and its policy."""
        return manifests.read_component("namespace")

    def fit_rights(self, rights: Sequence[Right]) -> Sequence[Right]:
        """Return the rights as a run needs them in there."""
        return rights

    def unchecked(self) -> str:
        """Name what this account may not look at, and what is therefore neither right nor wrong; "" for nothing."""
        return ", ".join(right.why for right in missing_rights(self.cluster, self.to_look, self.name))

    def copy_pull_secret(self) -> None:
        self.create(site.copy_pull_secret(self.cluster, self.rules))

    def named(self, name: str) -> str:
        """Return what the run's object is called that the suite calls by the name."""
        return name

    def lacks(self, *kinds: str) -> bool:
        """Say whether this account lacks rights that every run needs on any of the kinds."""
        return any(right.resource == RESOURCES.get(kind) for right in self.lacking for kind in kinds)

    def wait_for_account(self) -> None:
        """Wait for the namespace's service account: without it the API server refuses pods."""
        core = client.CoreV1Api(self.cluster.api())

        def state() -> Ready[None] | str:
            found = core.list_namespaced_service_account(self.name, _request_timeout=SECONDS).items
            return Ready(None) if found else "there is none"

        with self.cluster.api_errors(f"asking for the service accounts of namespace {self.name}"):
            wait_until(f"a service account in namespace {self.name}", state, 60, poll=0.3)

    def save_evidence(self) -> None:
        """Write the events and the pods so far; the API server forgets events after an hour."""
        pods, events = self.watches.pods, self.watches.events
        save_evidence(
            self.folder,
            [*pods.deleted(), *pods.items()],
            self.own([*events.deleted(), *events.items()]),
            self.cluster.redactor,
        )

    def own(self, events: list[Any]) -> list[Any]:
        """Return the events that are about the run's objects."""
        return events

    def close(self) -> None:
        """Write the evidence, end the port-forwards and delete the namespace; raises where it could not be deleted."""
        for name in list(self.forwards):
            self.end_forwards(name)
        try:
            if self.watches.pods.listed.is_set():
                self.save_evidence()
        finally:
            self.watches.stop()
            self.logs.stop()
            if not self.keep:
                self.remove()
                self.logs.finish(1)

    def remove(self) -> None:
        """Delete all that the run made; raises where it could not be."""
        delete_namespace(self.cluster, self.name)

    @property
    def how_to_remove(self) -> str:
        """The command that removes what was kept."""
        return f"{self.cluster.kubectl} delete namespace {self.name}"

    @property
    def clean_cluster(self) -> str:
        """The command that removes what is left where neither pytest nor its guardian could."""
        return "make clean-cluster"

    def removal(self, folder: Path, uses: Sequence[str]) -> list[str]:
        """Return the guardian's command where pytest was killed; it keeps certificates in the folder.

        `uses`: the kinds that this run makes besides those of every run.
        """
        about = self.cluster.context, self.name, str(folder), str(self.cluster.kubeconfig or "")
        return module_command(cleanup.__name__, *about)

    # --- what is in it

    def create(self, manifest: Manifest, name: str = "", **options: str) -> None:
        """Create the object with the run's labels, its images and its name in place."""
        self.fit(manifest, name)
        doing = f"creating {manifest['kind']} {manifest['metadata']['name']}"
        with self.cluster.api_errors(doing), self.cluster.api() as api:
            kinds.create(api, manifest, self.name, **options)

    def fit(self, manifest: Manifest, name: str = "") -> Manifest:
        """Put the run's labels, its images, the name and what the site asks of pods into the manifest, once."""
        manifests.fit(manifest, self.images, name)
        self.architectures.keep_to(manifest, self.images)
        manifests.label(manifest, {RUN: self.run})
        if manifests.asks_for_gpu(manifest):
            manifests.use_runtime(manifest, self.gpu_runtime)
        if self.assigns_users:
            manifests.leave_users_open(manifest)
        pod_rules.follow(manifest, self.rules)
        return manifest

    def delete(self, *each: str, name: str) -> None:
        """Delete the objects of that name, and end the port-forwards to it; what is gone already is as good."""
        self.end_forwards(name)
        with self.cluster.api() as api:
            for kind in each:
                with self.cluster.api_errors(f"deleting {kind} {name}"):
                    try:
                        kinds.delete(api, kind, name, self.name)
                    except client.ApiException as error:
                        if error.status != 404:
                            raise

    def forward(self, name: str, port: int) -> str:
        """Return the local `host:port` that leads to whichever pod of the component is ready."""
        forward = Forward(self.cluster, self.name, lambda: self.pods.ready_name(name), port)
        self.forwards.setdefault(name, []).append(forward)
        return forward.address

    def end_forwards(self, name: str) -> None:
        for forward in self.forwards.pop(name, []):
            forward.close()
