"""A namespace that is there already and that others use too: only a run's own objects come and go in it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kubernetes import client

from acceptance.errors import AcceptanceError
from acceptance.kubernetes import own_names, run_cleanup
from acceptance.kubernetes.cleanup import KEPT, OWNER
from acceptance.kubernetes.client import SECONDS, readable
from acceptance.kubernetes.manifests import NAME, Manifest, config_map, labels_of_pods
from acceptance.kubernetes.namespace import Namespace
from acceptance.kubernetes.network import shut_out
from acceptance.kubernetes.openshift import has_own_users, is_openshift
from acceptance.kubernetes.rights import IN_NAMESPACE, TO_LOOK_IN_GIVEN, Right, in_given_namespace, missing_rights
from acceptance.kubernetes.run_cleanup import MARKER, delete_run, how_to_delete, marker_of
from acceptance.kubernetes.selectors import Labels
from acceptance.kubernetes.sidecars import leave_out, meshes_of
from acceptance.processes.local import module_command
from acceptance.processes.owner import owner

# the site's own in a namespace of the site's
SITES = ("ResourceQuota", "NetworkPolicy")


class GivenNamespace(Namespace):
    """The run's objects have its id in their names, and its label; the quota and the policies are the site's."""

    selector, to_look = own_names.selector, TO_LOOK_IN_GIVEN

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # the kinds of which the run made, or tried to make, an object
        self.made: set[str] = set()

    def fit_rights(self, rights: Sequence[Right]) -> Sequence[Right]:
        return in_given_namespace(rights)

    def begin(self) -> None:
        """Create what says whose run's the objects are, before there is any other."""
        labels = self.look_at_namespace()
        self.lacking = missing_rights(self.cluster, self.fit_rights(IN_NAMESPACE), self.name)
        if self.lacks("ConfigMap"):  # which is said with all else that is missing
            return
        marker = config_map(marker_of(self.run), {})
        marker["metadata"]["labels"][MARKER] = "true"
        marker["metadata"]["annotations"] = {OWNER: owner(), KEPT: str(self.keep).lower()}
        self.create(marker)
        if problem := shut_out(self.cluster, self.name, self.run, self.rules.labels, labels):
            raise AcceptanceError(problem)

    def look_at_namespace(self) -> Labels:
        """See which meshes put sidecars into pods there, and whose users they have; return its labels.

        It has none where this account may not read it.
        """
        with self.cluster.api_errors(f"reading namespace {self.name}"), self.cluster.api() as api:
            read = client.CoreV1Api(api).read_namespace
            found = readable(lambda: read(self.name, _request_timeout=SECONDS))
            openshift = not found and is_openshift(api)
        self.meshes = meshes_of(found) if found else []
        self.assigns_users = has_own_users(found) if found else bool(openshift)
        for mesh in self.meshes:
            self.say(f"namespace {self.name} has {mesh.name} put sidecars into pods: the run's pods go without")
        return (found.metadata.labels or {}) if found else {}

    def named(self, name: str) -> str:
        return own_names.named(name, self.run)

    def lacks(self, *kinds: str) -> bool:
        """Say whether the run makes none of the kinds there: the account lacks rights, or they are the site's."""
        return any(kind in SITES for kind in kinds) or super().lacks(*kinds)

    def fit(self, manifest: Manifest, name: str = "") -> Manifest:
        secret, _, _ = self.rules.pull_secret.partition("/")
        for mesh in self.meshes:
            leave_out(manifest, mesh)
        fitted = own_names.rename(super().fit(manifest, name), self.run, keep_pull_secret=secret == self.name)
        if fitted["kind"] == "Deployment":  # whose events say why there is no pod
            self.pods.owners[labels_of_pods(fitted)[NAME]] = fitted["metadata"]["name"]
        return fitted

    def create(self, manifest: Manifest, name: str = "", **options: str) -> None:
        if "dry_run" not in options:
            self.made.add(manifest["kind"])
        super().create(manifest, name, **options)

    def copy_pull_secret(self) -> None:
        """Copy it, where it isn't there already."""
        if not self.rules.pull_secret.startswith(f"{self.name}/"):
            super().copy_pull_secret()

    def own(self, events: list[Any]) -> list[Any]:
        return [event for event in events if self.run in (event.involved_object.name or "")]

    def remove(self) -> None:
        delete_run(self.cluster, self.name, self.run, self.made)

    @property
    def how_to_remove(self) -> str:
        return self.clean_cluster

    @property
    def clean_cluster(self) -> str:
        return how_to_delete(self.cluster, self.name, self.run)

    def removal(self, folder: Path, uses: Sequence[str]) -> list[str]:
        about = self.cluster.context, self.name, self.run, str(folder), str(self.cluster.kubeconfig or "")
        return module_command(run_cleanup.__name__, *about, *uses)
