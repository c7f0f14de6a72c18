"""KServe's runtimes for Triton: the cluster's own, where it has one that fits, else one of the run's own."""

import re
from dataclasses import dataclass
from typing import Any

from kubernetes import client

from acceptance.errors import BadSetting
from acceptance.kubernetes import manifests
from acceptance.kubernetes.client import SECONDS, Cluster, readable
from acceptance.kubernetes.kinds import CUSTOM
from acceptance.kubernetes.manifests import Manifest

USUAL = "kserve-tritonserver"
FORMAT, PROTOCOL = "triton", "v2"
CONTAINER = "kserve-container"
# Triton's own, where its command names no other
PORTS = {"http": 8000, "grpc": 8001, "metrics": 8002}


@dataclass(frozen=True)
class Runtime:
    """A runtime's name, "" for the run's own, and its specification as KServe has it."""

    name: str
    spec: Manifest

    @property
    def container(self) -> Manifest:
        return next(one for one in self.spec["containers"] if one["name"] == CONTAINER)

    @property
    def image(self) -> str:
        """Its image; the run's own has the name by which manifests call Triton's."""
        return self.container["image"]

    @property
    def command(self) -> str:
        return " ".join([*self.container.get("command", []), *self.container.get("args", [])])

    def port(self, of: str) -> int:
        """Return the port of "http", "grpc" or "metrics", as its command says; 0 where that is turned off."""
        if re.search(rf"--allow-{of}[= ](0|false)\b", self.command, re.IGNORECASE):
            return 0
        found = re.search(rf"--{of}-port[= ](\d+)", self.command)
        return int(found[1]) if found else PORTS[of]

    @property
    def misfit(self) -> str:
        """Why it doesn't serve Triton's repositories over the V2 protocol, "" where it does."""
        if self.spec.get("disabled"):
            return "it is disabled"
        formats = [one["name"] for one in self.spec.get("supportedModelFormats", [])]
        if FORMAT not in formats:
            return f"it takes {', '.join(formats) or 'no format'}, and not {FORMAT}"
        # where it names none, KServe takes it for v1
        if PROTOCOL not in (protocols := self.spec.get("protocolVersions", ["v1"])):
            return f"it speaks {', '.join(protocols)}, and not {PROTOCOL}"
        if not any(one["name"] == CONTAINER for one in self.spec.get("containers", [])):
            return f"it has no container {CONTAINER}"
        for of, use in (("http", "answers to requests"), ("metrics", "counts of requests")):
            if not self.port(of):
                return f"its command turns Triton's {of} off, and the suite needs its {use}"
        return ""


def own_runtime() -> Runtime:
    return Runtime("", manifests.read_kind("kserve", "ServingRuntime")["spec"])


def find_runtime(cluster: Cluster, name: str) -> Runtime:
    """Return the cluster's runtime of that name, or its usual one where it fits, or the run's own.

    Raises BadSetting where the named one isn't there or doesn't fit.
    """
    with cluster.api_errors("asking for KServe's runtimes"), cluster.api() as api:
        found = read_cluster_runtime(api, name or USUAL)
        if not name:
            return found if found and not found.misfit else own_runtime()
        if found and not found.misfit:
            return found
        why = found.misfit if found else "there is no such ClusterServingRuntime, or this account may not read it"
        raise BadSetting(f"--runtime {name}: {why}; leave it out to have one made in the run's namespace")


def read_cluster_runtime(api: client.ApiClient, name: str) -> Runtime | None:
    def read() -> Any:
        return client.CustomObjectsApi(api).get_cluster_custom_object(
            *CUSTOM["ClusterServingRuntime"], name, _request_timeout=SECONDS
        )

    found = readable(read)
    return Runtime(name, found["spec"]) if found else None
