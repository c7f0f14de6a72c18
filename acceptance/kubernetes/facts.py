"""What a diagnosis starts from, and what it comes to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kubernetes.client import CoreV1Event, V1Namespace, V1Pod

from acceptance.kubernetes.view import ClusterView, name_of


@dataclass(frozen=True)
class Diagnosis:
    """Why a pod isn't up: its name, the cause, the next thing to look at; `final` when waiting can't help."""

    text: str
    final: bool


@dataclass(frozen=True)
class PodFacts:
    """A pod under diagnosis: itself, its and its claims' events from old to new, the cluster, the API server's time."""

    pod: V1Pod
    events: Sequence[CoreV1Event]
    cluster: ClusterView
    now: datetime

    @property
    def kubectl(self) -> str:
        """The end of a kubectl command about the pod: `NAME -n NAMESPACE`."""
        assert self.pod.metadata
        return f"{self.pod.metadata.name} -n {self.pod.metadata.namespace}"

    def diagnosis(self, text: str, final: bool) -> Diagnosis:
        return Diagnosis(f"pod {name_of(self.pod)}: {text}", final)

    def latest(self, reasons: Sequence[str], words: str = "") -> CoreV1Event | None:
        """Return the pod's last event that has one of the reasons and the words."""
        found = [event for event in self.events if event.reason in reasons and words in (event.message or "")]
        return found[-1] if found else None

    def since(self, event: CoreV1Event) -> timedelta:
        """Return for how long an event has been repeated with the same message."""
        return self.now - min(first_seen(other) for other in self.events if other.message == event.message)


def first_seen(event: CoreV1Event) -> datetime:
    """Return when an event was first seen; the scheduler's have only an event time."""
    when = event.first_timestamp or event.event_time or event.metadata.creation_timestamp
    assert when
    return when


def last_seen(event: CoreV1Event) -> datetime:
    """Return when an event was last seen."""
    again = event.series.last_observed_time if event.series else None
    return event.last_timestamp or again or first_seen(event)


def diagnose_namespace(namespace: V1Namespace | None) -> Diagnosis | None:
    """Return what a namespace that is being deleted still waits for; None where it isn't."""
    if not namespace or not namespace.metadata or not namespace.status or namespace.status.phase != "Terminating":
        return None
    remains = [c.message or c.type for c in namespace.status.conditions or [] if c.status == "True"]
    left = f" ({'; '.join(remains)})" if remains else ""
    return Diagnosis(
        f"namespace {namespace.metadata.name} is terminating{left}: nothing new can be made in it;"
        " wait until it is gone, or use another",
        True,
    )
