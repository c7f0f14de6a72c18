"""A run's own namespace: what is created in it, what becomes of that, and its end."""

import contextlib
import time
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client
from kubernetes.utils import create_from_dict

from acceptance.errors import Unrecoverable
from acceptance.images import Images
from acceptance.kubernetes import diagnosis, manifests
from acceptance.kubernetes.cleanup import DELETION_SECONDS, KEPT, OWNER, delete_namespace, owner
from acceptance.kubernetes.client import SECONDS, ApiServerBusy, ApiServerGone, Cluster
from acceptance.kubernetes.gpu_nodes import runtime_class
from acceptance.kubernetes.logs import Logs
from acceptance.kubernetes.manifests import NAME, RUN, Manifest
from acceptance.kubernetes.port_forward import Forward
from acceptance.kubernetes.view import LiveCluster, containers_of, is_ready, phase_of, restarts
from acceptance.kubernetes.watches import Watched
from acceptance.waiting import Ready, wait_until

# how often a wait asks for the cause while something isn't ready: it may ask the API server about nodes
DIAGNOSIS_SECONDS = 3.0
# Triton's own image is many GB
POD_SECONDS = 1800


class Namespace:
    """A fresh namespace, as a context manager; everything in it goes with it, unless it is kept."""

    def __init__(
        self,
        cluster: Cluster,
        run: str,
        images: Images,
        folder: Path,
        keep: bool = False,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.cluster, self.run, self.images, self.folder, self.keep = cluster, run, images, folder, keep
        # told what each wait is waiting for
        self.say = say
        self.name = f"triton-acceptance-{run}"
        self.logs = Logs(cluster, folder)
        self.pods = Watched(cluster, "pods", "list_namespaced_pod", self.logs.see, namespace=self.name)
        self.events = Watched(cluster, "events", "list_namespaced_event", namespace=self.name)
        only = f"metadata.name={self.name}"
        self.itself = Watched(cluster, "namespaces", "list_namespace", optional=True, field_selector=only)
        self.forwards: dict[str, list[Forward]] = {}  # of each component
        self.vital: dict[str, str] = {}
        # how often a pod's containers had been restarted when it was ready first
        self.restarts: dict[str, int] = {}

    @property
    def core(self) -> client.CoreV1Api:
        """A client with what the kubeconfig says of this account now: tokens expire during a long training."""
        return client.CoreV1Api(self.cluster.api())

    @property
    def live(self) -> LiveCluster:
        return LiveCluster(self.core)

    @cached_property
    def gpu_runtime(self) -> str:
        """The RuntimeClass of pods with a GPU, "" where the cluster needs none."""
        with self.cluster.explained("asking for the RuntimeClass of pods with a GPU"), self.cluster.api() as api:
            return runtime_class(api)

    def __enter__(self) -> "Namespace":
        try:
            parts = manifests.read_component("namespace")
            parts.sort(key=lambda manifest: manifest["kind"] != "Namespace")
            parts[0]["metadata"].update(name=self.name, annotations={OWNER: owner(), KEPT: str(self.keep).lower()})
            for manifest in parts:
                self.create(manifest)
            self.wait_for_account()
            for watched in (self.pods, self.events, self.itself):
                watched.start()
            return self
        except BaseException:
            self.close()
            raise

    def __exit__(self, *error: object) -> None:
        self.close()

    def wait_for_account(self) -> None:
        """Wait for the namespace's service account: without it the API server refuses pods."""

        def state() -> Ready[None] | str:
            found = self.core.list_namespaced_service_account(self.name, _request_timeout=SECONDS).items
            return Ready(None) if found else "there is none"

        with self.cluster.explained(f"asking for the service accounts of namespace {self.name}"):
            wait_until(f"a service account in namespace {self.name}", state, 60, poll=1.0)

    # --- creating and deleting

    def create(self, manifest: Manifest, name: str = "", **options: str) -> None:
        """Create the object with the run's labels, its images and its name in place."""
        manifests.fit(manifest, self.images, name)
        manifests.label(manifest, {RUN: self.run})
        if manifests.asks_for_gpu(manifest):
            manifests.use_runtime(manifest, self.gpu_runtime)
        doing = f"creating {manifest['kind']} {manifest['metadata']['name']}"
        with self.cluster.explained(doing), self.cluster.api() as api:
            create_from_dict(api, manifest, namespace=self.name, _request_timeout=SECONDS, **options)

    def delete(self, *kinds: str, name: str) -> None:
        """Delete the objects of that name, and end the port-forwards to it; what is gone already is as good."""
        self.end_forwards(name)
        with self.cluster.api() as api:
            core = client.CoreV1Api(api)
            deletions = {
                "Job": client.BatchV1Api(api).delete_namespaced_job,
                "Pod": core.delete_namespaced_pod,
                "Deployment": client.AppsV1Api(api).delete_namespaced_deployment,
                "Service": core.delete_namespaced_service,
                "ConfigMap": core.delete_namespaced_config_map,
            }
            for kind in kinds:
                with self.cluster.explained(f"deleting {kind} {name}"):
                    try:
                        deletions[kind](name, self.name, propagation_policy="Background", _request_timeout=SECONDS)
                    except client.ApiException as error:
                        if error.status != 404:
                            raise

    # --- pods and why they don't run

    def pods_named(self, name: str) -> list[Any]:
        """Return the pods of a component that are not on their way out, the newest first."""
        found = [
            pod
            for pod in self.pods.items()
            if (pod.metadata.labels or {}).get(NAME) == name and not pod.metadata.deletion_timestamp
        ]
        return sorted(found, key=lambda pod: pod.metadata.creation_timestamp, reverse=True)

    def ready_pods(self, name: str) -> list[Any]:
        return [pod for pod in self.pods_named(name) if is_ready(pod)]

    def ready_pod(self, name: str) -> str:
        """Return the name of a ready pod of the component, or ""."""
        return next((pod.metadata.name for pod in self.ready_pods(name)), "")

    def check(self) -> None:
        """Raise when the API server is gone, the namespace is on its way out, or something befell a vital pod."""
        for watched in (self.pods, self.events, self.itself):
            watched.check()
        for namespace in self.itself.items():
            if namespace.status.phase == "Terminating":
                raise Unrecoverable(f"namespace {self.name} is terminating: somebody deleted it during the run")
        for uid, name in self.vital.items():
            lost = self.incident(uid)
            if lost:
                raise Unrecoverable(f"{name}: {lost}; what it held is lost; look at the events in {self.folder}")

    def incident(self, uid: str) -> str:
        """Return what befell the pod since it was ready: deleted, replaced, restarted; "" for nothing."""
        for pod in self.pods.deleted():
            if pod.metadata.uid == uid:
                return f"pod {pod.metadata.name} was deleted"
        for pod in self.pods.items():
            if pod.metadata.uid != uid:
                continue
            if pod.metadata.deletion_timestamp:
                return f"pod {pod.metadata.name} is being deleted"
            ended = any(container.state.terminated for container in pod.status.container_statuses or [])
            if pod.status.phase == "Failed" or ended or restarts(pod) > self.restarts.get(uid, 0):
                trouble = self.trouble(pod)
                return f"pod {pod.metadata.name} ended or restarted: {trouble.text if trouble else 'it says no more'}"
        return ""

    def note_restarts(self, pod: Any) -> None:
        """Have `incident` tell of restarts from now on."""
        self.restarts[pod.metadata.uid] = restarts(pod)

    def trouble(self, pod: Any) -> diagnosis.Trouble | None:
        with self.cluster.explained(f"asking why pod {pod.metadata.name} isn't up"):
            return diagnosis.trouble_of(pod, self.events.items(), self.live, self.cluster.now())

    def why_no_pod(self, name: str, last: Any) -> diagnosis.Trouble | None:
        """Return why a component has no pod, or none any more; `last` is the one that it had, or None."""
        trouble = diagnosis.owner_trouble(name, self.events.items(), self.itself.items(), self.cluster.now())
        if not last or (trouble and not trouble.final):
            return trouble
        seen = [*self.pods.items(), *self.pods.deleted()]
        latest = next((pod for pod in seen if pod.metadata.uid == last.metadata.uid), last)
        removal = self.trouble(latest)
        lost = removal.text if removal else f"pod {last.metadata.name} was deleted"
        if trouble:
            return diagnosis.Trouble(f"{trouble.text}; {lost}", True)
        # nothing makes another of a pod that nothing owns
        return None if last.metadata.owner_references else diagnosis.Trouble(lost, True)

    def wait(
        self, description: str, name: str, done: Callable[[Any], Ready[Any] | str], timeout: float, poll: float = 0.1
    ) -> Any:
        """Wait until `done` is satisfied with the component's newest pod; give up as soon as the pod can't recover."""
        asked = 0.0
        words = "no pod yet"
        last: Any = None

        def state() -> Ready[Any] | str:
            nonlocal asked, words, last
            self.check()
            found = self.pods_named(name)
            last = found[0] if found else last
            answer = done(found[0]) if found else "no pod yet"
            if isinstance(answer, Ready):
                return answer
            if time.monotonic() - asked >= DIAGNOSIS_SECONDS:
                asked = time.monotonic()
                trouble = None
                with contextlib.suppress(ApiServerBusy, ApiServerGone):  # the watches tell when it is gone for good
                    trouble = self.trouble(found[0]) if found else self.why_no_pod(name, last)
                if trouble and trouble.final:
                    raise Unrecoverable(f"{description}: {trouble.text}")
                words = trouble.text if trouble else answer
                self.say(f"{description}: {words.splitlines()[0]}")
            return words

        look_at = f"`{self.cluster.kubectl} -n {self.name} describe pods` and {self.folder}"
        return wait_until(description, state, timeout, look_at=look_at, poll=poll)

    def wait_ready(self, name: str, timeout: float) -> Any:
        """Return the component's pod once it is ready."""

        def done(pod: Any) -> Ready[Any] | str:
            return Ready(pod) if is_ready(pod) else phase_of(pod)

        pod = self.wait(f"{name} to be ready", name, done, timeout)
        self.note_restarts(pod)
        return pod

    def wait_started(self, name: str, timeout: float) -> None:
        """Wait until a container of the component's pod, one that runs before the others included, has run."""

        def done(pod: Any) -> Ready[None] | str:
            ran = any(container.state.running or container.state.terminated for container in containers_of(pod))
            return Ready(None) if ran or pod.status.phase in ("Succeeded", "Failed") else phase_of(pod)

        self.wait(f"{name} to start", name, done, timeout)

    def wait_finished(self, name: str, timeout: float, progress: Callable[[Any], str] = lambda pod: "it runs") -> Any:
        """Return the component's pod once it ended, whichever way; `progress` is asked for while a container runs."""
        told, words = 0.0, ""

        def done(pod: Any) -> Ready[Any] | str:
            nonlocal told, words
            if pod.status.phase in ("Succeeded", "Failed"):
                return Ready(pod)
            if not any(container.state.running for container in containers_of(pod)):
                return phase_of(pod)
            if time.monotonic() - told >= DIAGNOSIS_SECONDS:  # it may ask the server that is under load
                told, words = time.monotonic(), progress(pod)
            return words

        return self.wait(f"{name} to finish", name, done, timeout, poll=0.5)

    def wait_gone(self, name: str) -> None:
        """Wait until the component has no pod any more: only then its GPU is free."""

        def state() -> Ready[None] | str:
            self.check()
            left = [pod.metadata.name for pod in self.pods.items() if (pod.metadata.labels or {}).get(NAME) == name]
            return f"there is {', '.join(left)}" if left else Ready(None)

        wait_until(f"the pods of {name} to be gone", state, DELETION_SECONDS)

    def forward(self, name: str, port: int) -> str:
        """Return the local `host:port` that leads to whichever pod of the component is ready."""
        forward = Forward(self.cluster, self.name, lambda: self.ready_pod(name), port)
        self.forwards.setdefault(name, []).append(forward)
        return forward.address

    def end_forwards(self, name: str) -> None:
        for forward in self.forwards.pop(name, []):
            forward.close()

    # --- the end

    def evidence(self) -> None:
        """Write events.log and pods.log: what happened, and each pod's last state, those that are gone as well."""
        events = [*self.events.deleted(), *self.events.items()]  # the API server forgets them after an hour
        events.sort(key=lambda event: str(event.metadata.creation_timestamp))
        lines = [
            f"{event.metadata.creation_timestamp} {event.type} {event.involved_object.kind} "
            f"{event.involved_object.name} {event.reason}: {event.message}"
            for event in events
        ]
        redactor = self.cluster.redactor
        (self.folder / "events.log").write_text(redactor.text("\n".join([*lines, ""])))
        with client.ApiClient() as api:
            pods = [api.sanitize_for_serialization(pod) for pod in [*self.pods.deleted(), *self.pods.items()]]
        (self.folder / "pods.log").write_text(yaml.safe_dump_all(redactor.tree(pods)))

    def close(self) -> None:
        """Write the evidence, end the port-forwards and delete the namespace; raises where it could not be deleted."""
        for name in list(self.forwards):
            self.end_forwards(name)
        try:
            if self.pods.listed.is_set():
                self.evidence()
        finally:
            for watched in (self.pods, self.events, self.itself):
                watched.stop()
            self.logs.stop()
            if not self.keep:
                delete_namespace(self.cluster, self.name)
                self.logs.finish(1)
