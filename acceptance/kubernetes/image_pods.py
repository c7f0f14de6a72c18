"""Small pods that start each image a run will need: what can't be pulled or started is known before the training."""

import contextlib
import copy
import time
from collections.abc import Mapping
from typing import Any

from acceptance.errors import AcceptanceError, Problem, Unrecoverable
from acceptance.kubernetes.client import SECONDS, ApiServerBusy, ApiServerGone
from acceptance.kubernetes.container_diagnosis import NOT_STARTED
from acceptance.kubernetes.manifests import Manifest
from acceptance.kubernetes.namespace import Namespace
from acceptance.kubernetes.view import containers_of, phase_of
from acceptance.waiting import Ready, wait_until

# with all else that is looked at, the list of problems is there within 30 s
LOOK_SECONDS = 25.0
# how often the API server is asked why a pod isn't up, and in the run how often the pods are looked at
DIAGNOSIS_SECONDS = 1.0
BESIDE_SECONDS = 3.0


class ImagePods:
    """One pod an image, by their names; a pod that started goes at once, one that still pulls goes on beside the run.

    A pod without a command runs its image's own program, which may end as it likes.
    """

    def __init__(
        self, namespace: Namespace, pods: Mapping[str, Manifest], beside_seconds: float = BESIDE_SECONDS
    ) -> None:
        self.namespace, self.beside_seconds = namespace, beside_seconds
        # those that are to be created yet, and those that neither started nor failed
        self.waiting, self.pulling = dict(pods), dict(pods)
        self.found: dict[str, Problem] = {}
        self.states: dict[str, str] = {}
        # the termination messages of those that ended well
        self.said: dict[str, str] = {}
        self.looked = self.asked = 0.0
        self.failure: Unrecoverable | None = None

    def problems(self, seconds: float = LOOK_SECONDS) -> list[Problem]:
        """Start them; return why those that fail within the seconds do. The others are left to `check`."""

        ends = time.monotonic() + seconds

        def state() -> Ready[None] | str:
            self.namespace.pods.check()
            self.look()
            if not self.pulling or time.monotonic() >= ends:  # what goes on is no failure
                return Ready(None)
            words = ", ".join(self.states.get(name, f"no pod {name} yet") for name in self.pulling)
            self.namespace.waits.say(f"starting each image: {words}")
            return words

        wait_until("each image to start", state, seconds + SECONDS, poll=0.2)
        self.namespace.pods.beside.append(self.check)
        return list(self.found.values())

    def check(self) -> None:
        """Raise where one that still pulled when the run began has failed: always the same error."""
        if not self.failure and self.pulling and time.monotonic() - self.looked >= self.beside_seconds:
            self.look()
            if self.found:
                self.failure = Unrecoverable(next(iter(self.found.values())))
        if self.failure:
            raise self.failure

    def look(self) -> None:
        """Create what the quota has room for by now, and see which have started or failed."""
        self.looked = time.monotonic()
        for name, manifest in list(self.waiting.items()):
            try:
                self.namespace.create(copy.deepcopy(manifest), name)
            except (ApiServerBusy, ApiServerGone):
                return  # the watches tell when it is gone for good
            except AcceptanceError as error:
                if "exceeded quota" in str(error):
                    self.states[name] = "the quota has no room for its pod yet"
                    continue
                self.found[name] = error.problem
                del self.pulling[name]
            del self.waiting[name]
        diagnose = self.looked - self.asked >= DIAGNOSIS_SECONDS
        self.asked = self.looked if diagnose else self.asked
        for name in [name for name in self.pulling if name not in self.waiting]:
            pods = self.namespace.pods.all_named(name)
            if pods:
                self.look_at(name, pods[0], diagnose)

    def look_at(self, name: str, pod: Any, diagnose: bool) -> None:
        self.states[name] = phase_of(pod)
        container = next(iter(containers_of(pod)), None)
        if container and self.has_started(container.state, self.pulling[name]):
            del self.pulling[name]
            self.said[name] = (container.state.terminated.message or "") if container.state.terminated else ""
            with contextlib.suppress(AcceptanceError):  # it goes with the namespace
                self.namespace.delete("Pod", name=name)
        elif diagnose:
            with contextlib.suppress(ApiServerBusy, ApiServerGone):
                cause = self.namespace.pods.diagnose(pod)
                if cause and cause.final:
                    self.found[name] = failed(pod, cause.text)
                    del self.pulling[name]

    def has_started(self, state: Any, manifest: Manifest) -> bool:
        if "command" in manifest["spec"]["containers"][0]:
            return bool(state.terminated and state.terminated.exit_code == 0)
        return bool(state.running or (state.terminated and state.terminated.reason not in NOT_STARTED))


def failed(pod: Any, text: str) -> Problem:
    """Return why the pod's image can't be used; `text`: what is wrong with the pod, and lines that show it."""
    image = pod.spec.containers[0].image
    what, _, detail = text.partition("\n")
    named = what if image in what else f"image {image}: {what}"
    fix = "" if "--images" in what else "`--images FILE` names another image, `make images` builds ours"
    return Problem(named.rstrip(":"), fix, detail)
