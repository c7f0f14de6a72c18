"""Waiting for the pods of a component: to be ready, to start, to finish, to be gone."""

import contextlib
import time
from collections.abc import Callable
from typing import Any

from acceptance.errors import AcceptanceError, Unrecoverable
from acceptance.kubernetes.cleanup import DELETION_SECONDS
from acceptance.kubernetes.client import ApiServerBusy, ApiServerGone
from acceptance.kubernetes.pods import Pods
from acceptance.kubernetes.view import containers_of, has_ended, is_ready, phase_of
from acceptance.waiting import Ready, wait_until

# how often a wait asks for the cause while something isn't ready: it may ask the API server about nodes
DIAGNOSIS_SECONDS = 3.0
# Triton's own image is many GB
POD_SECONDS = 1800


class PodWaits:
    """Waits for a component's newest pod; `say` is told what each wait waits for."""

    def __init__(
        self, pods: Pods, say: Callable[[str], None], look_at: str, diagnosis_seconds: float = DIAGNOSIS_SECONDS
    ) -> None:
        self.pods, self.say, self.look_at, self.diagnosis_seconds = pods, say, look_at, diagnosis_seconds

    def until(
        self, description: str, name: str, done: Callable[[Any], Ready[Any] | str], timeout: float, poll: float = 0.1
    ) -> Any:
        """Wait until `done` is satisfied with the component's newest pod; give up as soon as the pod can't recover."""
        asked = 0.0
        words = "no pod yet"
        last: Any = None

        def state() -> Ready[Any] | str:
            nonlocal asked, words, last
            self.pods.check()
            found = self.pods.named(name)
            last = found[0] if found else last
            answer = done(found[0]) if found else "no pod yet"
            if isinstance(answer, Ready):
                return answer
            if time.monotonic() - asked >= self.diagnosis_seconds:
                asked = time.monotonic()
                cause = None
                with contextlib.suppress(ApiServerBusy, ApiServerGone):  # the watches tell when it is gone for good
                    cause = self.pods.diagnose(found[0]) if found else self.pods.diagnose_missing(name, last)
                if cause and cause.final and not (found and has_ended(found[0])):
                    raise Unrecoverable(f"{description}: {cause.text}")
                words = cause.text if cause else answer
                self.say(f"{description}: {words.splitlines()[0]}")
            return words

        return wait_until(description, state, timeout, look_at=self.look_at, poll=poll)

    def ready(self, name: str, timeout: float = POD_SECONDS) -> Any:
        """Return the component's pod once it is ready."""

        def done(pod: Any) -> Ready[Any] | str:
            return Ready(pod) if is_ready(pod) else phase_of(pod)

        pod = self.until(f"{name} to be ready", name, done, timeout)
        self.pods.note_restarts(pod)
        return pod

    def started(self, name: str, timeout: float = POD_SECONDS) -> None:
        """Wait until a container of the component's pod, one that runs before the others included, has run."""

        def done(pod: Any) -> Ready[None] | str:
            ran = any(container.state.running or container.state.terminated for container in containers_of(pod))
            return Ready(None) if ran or pod.status.phase in ("Succeeded", "Failed") else phase_of(pod)

        self.until(f"{name} to start", name, done, timeout)

    def finished(
        self, name: str, timeout: float = POD_SECONDS, progress: Callable[[Any], str] = lambda pod: "it runs"
    ) -> Any:
        """Return the component's pod once it ended, whichever way; `progress` is asked for while a container runs."""
        asked, words = 0.0, ""

        def done(pod: Any) -> Ready[Any] | str:
            nonlocal asked, words
            if pod.status.phase in ("Succeeded", "Failed"):
                return Ready(pod)
            if not any(container.state.running for container in containers_of(pod)):
                return phase_of(pod)
            if time.monotonic() - asked >= self.diagnosis_seconds:  # it may ask the server that is under load
                asked, words = time.monotonic(), progress(pod)
            return words

        return self.until(f"{name} to finish", name, done, timeout, poll=0.5)

    def succeeded(self, name: str, timeout: float, progress: Callable[[Any], str]) -> Any:
        """Return the Job's pod once it succeeded; raises AcceptanceError with the cause if it failed."""
        self.started(name)
        pod = self.finished(name, timeout, progress)
        if pod.status.phase != "Succeeded":
            cause = self.pods.diagnose(pod)
            raise AcceptanceError(cause.text if cause else f"pod {pod.metadata.name} {pod.status.phase}")
        return pod

    def gone(self, name: str) -> None:
        """Wait until the component has no pod any more: only then its GPU is free."""

        def state() -> Ready[None] | str:
            self.pods.check()
            left = [pod.metadata.name for pod in self.pods.all_named(name)]
            return f"there is {', '.join(left)}" if left else Ready(None)

        wait_until(f"the pods of {name} to be gone", state, DELETION_SECONDS)
