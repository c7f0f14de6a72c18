"""A copy of what a namespace holds, kept up to date by watches: waiting asks the API server for nothing."""

import threading
import time
from collections.abc import Callable
from typing import Any

import urllib3
from kubernetes import client, watch

from acceptance.errors import AcceptanceError, root_words
from acceptance.health import first_words
from acceptance.kubernetes.client import ApiServerGone, Cluster, WrongAnswer, reason

# a watch ends by itself and is begun again, so that a connection that went silent is found out within 30 s
WATCH_SECONDS = 15
# shorter outages are a restart of the API server
LOST_SECONDS = 10
FORBIDDEN_SECONDS = 5


class Watch(watch.Watch):
    """The library's watch, which passes over what is no event."""

    def unmarshal_event(self, data: str, return_type: Any) -> Any:
        event = super().unmarshal_event(data, return_type)
        if event is None and data.strip():
            raise WrongAnswer(status=0, reason=f"no event of a watch: {first_words(data)}")
        return event


class Watched:
    """The objects of one kind, by uid; `gone` keeps the last state of those that were deleted.

    `changed` is told of an object before anybody else sees its new state. `optional`: an account that may not watch
    these does without.
    """

    def __init__(
        self,
        cluster: Cluster,
        what: str,
        method: str,
        changed: Callable[[Any], None] = lambda item: None,
        optional: bool = False,
        **selection: str,
    ) -> None:
        self.cluster, self.what, self.method, self.selection = cluster, what, method, selection
        self.changed, self.optional = changed, optional
        self.connect()
        self.refused = ""
        self.lock = threading.Lock()
        self.objects: dict[str, Any] = {}
        self.gone: dict[str, Any] = {}
        self.lost_since, self.lost_why = 0.0, ""
        self.ended = threading.Event()
        self.listed = threading.Event()
        self.thread = threading.Thread(target=self.follow, name=f"watch {what}", daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.ended.set()

    def connect(self) -> None:
        """Make a client of its own, with what the kubeconfig says of this account now."""
        self.list = getattr(client.CoreV1Api(self.cluster.api()), self.method)
        self.expired = False

    def item(self, found: Any) -> Any:
        """Return an event's object with its `metadata`."""
        return found

    def items(self) -> list[Any]:
        with self.lock:
            return list(self.objects.values())

    def deleted(self) -> list[Any]:
        with self.lock:
            return list(self.gone.values())

    def check(self) -> None:
        """Raise ApiServerGone after too long without an answer, AcceptanceError where this account may not watch."""
        if self.refused and not self.optional:
            raise AcceptanceError(f"this account may not list and watch {self.what}: {self.refused} ({self.cluster})")
        lost = self.lost_since
        if lost and time.monotonic() - lost > LOST_SECONDS:
            raise ApiServerGone(
                f"the API server {self.cluster.server} has not answered for {time.monotonic() - lost:.0f} s "
                f"(watching {self.what}): {self.lost_why}; look at `{self.cluster.kubectl} get nodes`"
            )

    def follow(self) -> None:
        while not self.ended.is_set():
            try:
                if self.expired:
                    self.connect()
                self.list_and_watch()
            except client.ApiException as error:
                if error.status == 403:
                    self.refused = reason(error)
                    self.ended.wait(FORBIDDEN_SECONDS)
                elif error.status == 410:  # the version to watch from is too old: list again
                    self.ended.wait(1)
                else:
                    self.note_loss(reason(error) if error.status else str(error.reason))
                    if error.status == 401:  # the account's token
                        self.expired = True
                        self.cluster.credentials.forget()
            except AcceptanceError as error:  # an exec plugin's
                self.note_loss(str(error))
            except (urllib3.exceptions.HTTPError, OSError) as error:
                self.note_loss(root_words(error))
            except Exception as error:  # whatever else: a watch that just ended would never be noticed
                self.note_loss(f"{type(error).__name__}: {error}")

    def note_loss(self, why: str) -> None:
        self.lost_since, self.lost_why = self.lost_since or time.monotonic(), why
        self.ended.wait(1)

    def list_and_watch(self) -> None:
        listing = self.list(**self.selection, _request_timeout=10)
        for item in listing.items:
            self.changed(item)
        with self.lock:
            found = {item.metadata.uid: item for item in listing.items}
            self.gone.update({uid: item for uid, item in self.objects.items() if uid not in found})
            self.objects = found
        self.lost_since, self.refused = 0.0, ""
        self.listed.set()
        version = listing.metadata.resource_version
        while not self.ended.is_set():
            begun = time.monotonic()
            stream = Watch().stream(
                self.list,
                **self.selection,
                resource_version=version,
                timeout_seconds=WATCH_SECONDS,
                _request_timeout=(10, WATCH_SECONDS + 2),
            )
            for event in stream:
                if not event:  # an empty line
                    continue
                item = self.item(event["object"])
                version = item.metadata.resource_version
                self.lost_since = 0.0
                self.changed(item)
                with self.lock:
                    self.objects[item.metadata.uid] = item
                    if event["type"] == "DELETED":
                        self.gone[item.metadata.uid] = self.objects.pop(item.metadata.uid)
                if self.ended.is_set():
                    return
            if time.monotonic() - begun < 1:  # something between ends each watch at once, and may swallow what it said
                self.ended.wait(1)
                return


class Watches:
    """The pods and the events of a namespace, and the namespace itself, each as a watch has them now."""

    def __init__(
        self, cluster: Cluster, namespace: str, on_pod: Callable[[Any], None] = lambda pod: None, selector: str = ""
    ) -> None:
        """`selector`: the labels of the pods that are meant, "" for all."""
        only = f"metadata.name={namespace}"
        own = {"namespace": namespace, **({"label_selector": selector} if selector else {})}
        self.pods = Watched(cluster, "pods", "list_namespaced_pod", on_pod, False, **own)
        self.events = Watched(cluster, "events", "list_namespaced_event", namespace=namespace)
        self.namespace = Watched(cluster, "namespaces", "list_namespace", optional=True, field_selector=only)
        # what a run watches there besides
        self.more: list[Watched] = []

    def start(self) -> None:
        for watched in self.all():
            watched.start()

    def stop(self) -> None:
        for watched in self.all():
            watched.stop()

    def check(self) -> None:
        """Raise where a watch has been without an answer for too long, or this account may not watch."""
        for watched in self.all():
            watched.check()

    def all(self) -> tuple[Watched, ...]:
        return self.pods, self.events, self.namespace, *self.more
