"""The pods of a run's namespace: which there are, what happened to them, and why one isn't up."""

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

from acceptance.errors import AcceptanceError, Unrecoverable
from acceptance.kubernetes.client import Cluster
from acceptance.kubernetes.diagnosis import answers_no_more, diagnose
from acceptance.kubernetes.facts import Diagnosis
from acceptance.kubernetes.manifests import NAME
from acceptance.kubernetes.owner_diagnosis import diagnose_owner
from acceptance.kubernetes.view import ClusterView, is_ready, labels_of, readiness, restarts
from acceptance.kubernetes.watches import Watches

# with the time that the probes of manifests/mlflow take, a server that falls silent is named within 30 s
UNREADY = datetime.timedelta(seconds=4)


class Pods:
    """The pods of one namespace, by the name of their component; `view` is asked what else the cluster has."""

    def __init__(self, cluster: Cluster, watches: Watches, view: Callable[[], ClusterView], folder: Path) -> None:
        self.cluster, self.watches, self.view, self.folder = cluster, watches, view, folder
        # by the pod's uid: what the run can't do without, and how often its containers had been restarted before
        self.vital: dict[str, str] = {}
        self.restarts: dict[str, int] = {}
        # by their component: the Deployment that makes its pods, where it has another name
        self.owners: dict[str, str] = {}
        # what else must go well beside whatever is waited for; each raises where it doesn't
        self.beside: list[Callable[[], None]] = []

    def all_named(self, name: str) -> list[Any]:
        """Return the pods of a component, those that are being deleted as well."""
        return [pod for pod in self.watches.pods.items() if labels_of(pod).get(NAME) == name]

    def named(self, name: str) -> list[Any]:
        """Return the pods of a component that are not being deleted, the newest first."""
        found = [pod for pod in self.all_named(name) if not pod.metadata.deletion_timestamp]
        return sorted(found, key=lambda pod: pod.metadata.creation_timestamp, reverse=True)

    def uids(self, name: str) -> frozenset[str]:
        """Return the uids of a component's pods."""
        return frozenset(pod.metadata.uid for pod in self.all_named(name))

    def ready(self, name: str) -> list[Any]:
        return [pod for pod in self.named(name) if is_ready(pod)]

    def one_ready(self, name: str) -> Any:
        """Return a ready pod of the component: an evicted one may still be there beside its successor."""
        found = self.ready(name)
        if not found:
            raise AcceptanceError(f"no pod of {name} is ready; look at {self.folder}/events.log")
        return found[0]

    def ready_name(self, name: str) -> str:
        """Return the name of a ready pod of the component, or ""."""
        return next((pod.metadata.name for pod in self.ready(name)), "")

    # --- what happened to them

    def check(self) -> None:
        """Raise when the API server is gone, the namespace is being deleted, or a vital pod was lost."""
        self.watches.check()
        for namespace in self.watches.namespace.items():
            if namespace.status.phase == "Terminating":
                raise Unrecoverable(f"namespace {namespace.metadata.name} is terminating: somebody deleted it")
        for uid, name in self.vital.items():
            if lost := self.incident(uid):
                raise Unrecoverable(f"{name}: {lost}; what it held is lost; look at the events in {self.folder}")
        for check in self.beside:
            check()

    def check_answers(self, name: str) -> None:
        """Raise where the component's pod no longer answers its probes: its clients would wait for minutes.

        A kubelet that starts again makes a pod unready as well, for a moment.
        """
        for pod in self.named(name):
            condition = readiness(pod)
            if not condition or condition.status == "True":
                continue
            if self.cluster.now() - condition.last_transition_time > UNREADY:
                found = self.diagnose(pod) or answers_no_more(
                    pod, self.watches.events.items(), self.view(), self.cluster.now()
                )
                raise Unrecoverable(f"{name} answers no more: {found.text}")

    def incident(self, uid: str) -> str:
        """Return what happened to the pod since it was ready: deleted, replaced, restarted; "" for nothing."""
        for pod in self.watches.pods.deleted():
            if pod.metadata.uid == uid:
                return f"pod {pod.metadata.name} was deleted"
        for pod in self.watches.pods.items():
            if pod.metadata.uid != uid:
                continue
            if pod.metadata.deletion_timestamp:
                return f"pod {pod.metadata.name} is being deleted"
            ended = any(container.state.terminated for container in pod.status.container_statuses or [])
            if pod.status.phase == "Failed" or ended or restarts(pod) > self.restarts.get(uid, 0):
                found = self.diagnose(pod)
                return f"pod {pod.metadata.name} ended or restarted: {found.text if found else 'it says no more'}"
        return ""

    def note_restarts(self, pod: Any) -> None:
        """Have `incident` count restarts from now on."""
        self.restarts[pod.metadata.uid] = restarts(pod)

    # --- why one isn't up

    def diagnose(self, pod: Any) -> Diagnosis | None:
        with self.cluster.api_errors(f"asking why pod {pod.metadata.name} isn't up"):
            return diagnose(pod, self.watches.events.items(), self.view(), self.cluster.now())

    def diagnose_missing(self, name: str, last: Any) -> Diagnosis | None:
        """Return why a component has no pod, or none any more; `last` is the one that it had, or None."""
        events, namespaces = self.watches.events.items(), self.watches.namespace.items()
        owner = diagnose_owner(self.owners.get(name, name), events, namespaces, self.cluster.now())
        if not last or (owner and not owner.final):
            return owner
        seen = [*self.watches.pods.items(), *self.watches.pods.deleted()]
        latest = next((pod for pod in seen if pod.metadata.uid == last.metadata.uid), last)
        removal = self.diagnose(latest)
        lost = removal.text if removal else f"pod {last.metadata.name} was deleted"
        if owner:
            return Diagnosis(f"{owner.text}; {lost}", True)
        # nothing makes another of a pod that nothing owns
        return None if last.metadata.owner_references else Diagnosis(lost, True)
