"""What a stack on a cluster lets KServe do with its predictors, where KServe makes them."""

import contextlib
from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property

from acceptance.errors import AcceptanceError, Problem
from acceptance.kserve.installation import Installation
from acceptance.kserve.service import InferenceService, read_service
from acceptance.kserve.web_app import Shown, WebApp, find_web_app, look_at_web_app
from acceptance.load.measured import Progress
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.load.rollout import Rollout
from acceptance.serving.endpoint import Endpoint
from acceptance.stacks.cluster_stack import ClusterStack
from acceptance.stacks.kserve_changes import KServeChanges
from acceptance.stacks.kubernetes_serving import KServeServing


class KServeStack(ClusterStack):
    """A stack whose predictors KServe may make; what only KServe can is refused where it does not."""

    @abstractmethod
    def send_at_once(self, endpoint: Endpoint, plans: Sequence[LoadPlan], progress: Progress) -> list[LoadResult]:
        """Send all plans at once; return their results in the same order."""

    @property
    def kserve(self) -> Installation | None:
        """The cluster's KServe, where it makes the predictors."""
        return self.serving.installation if isinstance(self.serving, KServeServing) else None

    def serving_of(self, endpoint: Endpoint) -> KServeServing:
        if not isinstance(self.serving, KServeServing):
            raise AcceptanceError(f"{endpoint} is a Deployment of the run's own, and no InferenceService")
        return self.serving

    def inference_service(self, endpoint: Endpoint) -> InferenceService:
        return read_service(self.serving_of(endpoint).read(endpoint.name))

    # --- the models web app

    @cached_property
    def web_app(self) -> WebApp | Problem:
        return find_web_app(self.cluster)

    def shown_by_web_app(self, endpoint: Endpoint) -> Shown | Problem:
        if isinstance(app := self.web_app, Problem):
            return app
        return look_at_web_app(self.cluster, app, self.namespace.name, endpoint.name)

    def ways_in(self) -> list[str]:
        """Return with it how to see each predictor in the models web app, if the cluster has one."""
        lines = super().ways_in()
        if not self.kserve:
            return lines
        with contextlib.suppress(AcceptanceError):  # of what has gone there is nothing to see
            if isinstance(app := self.web_app, WebApp):
                lines += [f"{name} in {app}: {app.way_in(self.namespace.name, name)}" for name in self.predictors]
        return lines

    # --- changes of a predictor that is up

    def changes_of(self, endpoint: Endpoint) -> KServeChanges:
        return KServeChanges(self.serving_of(endpoint))

    def cannot_stop(self) -> str:
        return self.kserve.cannot_stop if self.kserve else ""

    def pause(self, endpoint: Endpoint) -> list[str]:
        return self.changes_of(endpoint).pause(endpoint.name)

    def resume(self, endpoint: Endpoint) -> None:
        self.changes_of(endpoint).resume(endpoint.name)
        self.wait_until_ready(endpoint)

    def remove(self, endpoint: Endpoint) -> list[str]:
        serving = self.serving_of(endpoint)
        self.stop_serving(endpoint)
        return serving.left(endpoint.name)

    def scale(self, endpoint: Endpoint, replicas: int) -> None:
        self.changes_of(endpoint).scale(endpoint.name, replicas)

    def roll_out(self, endpoint: Endpoint, bias: float, judged: LoadPlan, beside: LoadPlan) -> Rollout:
        changes, before, begun = self.changes_of(endpoint), self.namespace.pods.uids(endpoint.name), False

        def progress() -> str:
            nonlocal begun
            if not begun:
                begun = True
                changes.roll_out(endpoint, bias)
            return changes.not_rolled_out(endpoint, before) or "load, on a new version of the model"

        sent, kept_alive = self.send_at_once(endpoint, [judged, beside], progress)
        changes.wait_rolled_out(endpoint, before)
        return Rollout(sent, kept_alive, bias, changes.strategy(endpoint.name))
