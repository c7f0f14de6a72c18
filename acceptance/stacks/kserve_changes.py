"""What KServe does with a predictor that is up: more pods, a new version of its model, a stop and a resumption."""

import secrets
from collections.abc import Set
from typing import Any

from kubernetes import client

from acceptance.errors import Unrecoverable
from acceptance.kserve import service
from acceptance.kubernetes.client import SECONDS, readable
from acceptance.kubernetes.view import is_ready
from acceptance.serving import repository
from acceptance.serving.endpoint import Endpoint
from acceptance.serving.other_version import with_other_bias
from acceptance.stacks.kubernetes_serving import KServeServing


class KServeChanges:
    """Changes InferenceServices of `serving`, and waits until KServe has followed."""

    def __init__(self, serving: KServeServing) -> None:
        self.serving, self.namespace = serving, serving.namespace

    # --- more pods

    def scale(self, name: str, replicas: int) -> None:
        """Have so many pods of it, no more and no fewer; returns once they are ready."""
        self.serving.patch(name, {"spec": {"predictor": {"minReplicas": replicas, "maxReplicas": replicas}}})
        self.serving.wait_until(name, f"have {replicas} pods", lambda found: self.not_scaled(name, replicas))

    def not_scaled(self, name: str, replicas: int) -> str:
        pods = self.namespace.pods
        found = self.serving.pods(name)
        ready = [pod for pod in found if is_ready(pod)]
        if len(found) == len(ready) == replicas:
            return ""
        cause = next(filter(None, map(pods.diagnose, found)), None)
        if cause and cause.final:
            raise Unrecoverable(f"{name} with {replicas} replicas: {cause.text}")
        return cause.text if cause else f"it has {len(found)} pods, {len(ready)} of them ready"

    # --- a new version

    def roll_out(self, endpoint: Endpoint, bias: float) -> None:
        """Have KServe serve the model with another output bias; its pods start beside those that there are."""
        serving, version = self.serving, f"{endpoint.name}/{secrets.token_hex(2)}"
        folder = endpoint.run.download_model("onnx", serving.directory / version / "download")
        file = folder / repository.MODEL_FILE
        file.write_bytes(with_other_bias(file.read_bytes(), bias))
        serving.write(version, folder, endpoint.device)
        serving.patch(endpoint.name, {"spec": {"predictor": {"model": {"storageUri": serving.source(version)}}}})

    def not_rolled_out(self, endpoint: Endpoint, before: Set[str]) -> str:
        """Return "" once all its pods are ready and none is one of `before`, by their uids.

        Raises where a new one will never be.
        """
        pods, name = self.namespace.pods, endpoint.name
        found = self.serving.pods(name)
        new = [pod for pod in found if pod.metadata.uid not in before]
        if new and len(new) == len(found) and all(map(is_ready, new)):
            return ""
        # one that is refused is never there to be asked
        cause = next(filter(None, map(pods.diagnose, new)), None) if new else pods.diagnose_missing(name, None)
        # the GPU that a new one lacks is an old one's until that has gone
        gpu_taken = endpoint.device == "gpu" and bool(before & pods.uids(name))
        if cause and cause.final and not gpu_taken:
            raise Unrecoverable(f"the new version of {name}: {cause.text}")
        ready = sum(map(is_ready, new))
        return (
            cause.text if cause else f"{ready} pods of {name}'s new version are ready, {len(found) - len(new)} are old"
        )

    def wait_rolled_out(self, endpoint: Endpoint, before: Set[str]) -> None:
        self.serving.wait_until(
            endpoint.name, "have a new version", lambda found: self.not_rolled_out(endpoint, before)
        )

    def strategy(self, name: str) -> str:
        """Return how its Deployment replaces pods, and whether that is what the InferenceService asks for."""
        if self.serving.knative:
            return "Knative's: a revision takes over once it is ready"
        cluster, called = self.namespace.cluster, f"{name}{service.SUFFIX}"
        with cluster.api_errors(f"reading Deployment {called}"), cluster.api() as api:
            apps = client.AppsV1Api(api)
            found: Any = readable(
                lambda: apps.read_namespaced_deployment(called, self.namespace.name, _request_timeout=SECONDS)
            )
        return service.strategy(self.serving.read(name), found)

    # --- stopped and resumed

    def pause(self, name: str) -> list[str]:
        """Have KServe stop serving; return what still serves the model 30 s later."""
        self.serving.patch(name, {"metadata": {"annotations": {service.STOP: "true"}}})
        self.serving.wait_until(name, "be stopped", service.not_stopped)
        return self.serving.left(name, but=self.serving.kinds)

    def resume(self, name: str) -> None:
        self.serving.patch(name, {"metadata": {"annotations": {service.STOP: "false"}}})
        self.serving.wait_ready(name)
