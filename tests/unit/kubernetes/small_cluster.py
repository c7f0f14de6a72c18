"""A cluster that is made up, for a whole stack: it keeps what is created, tells its watches, and makes the pods."""

import copy
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

from acceptance.gpu.node import GPU_RESOURCE
from acceptance.images import read_images
from tests.unit.kubernetes.api_server import Answer, ApiServer

# no registry is asked for these
IMAGES = [{"names": [image]} for image in read_images(None).of_pods(minio=True)]
NODE = {
    "metadata": {"name": "n1", "uid": "n1", "labels": {"accelerator": "gpu"}},
    "status": {"capacity": {GPU_RESOURCE: "1"}, "allocatable": {GPU_RESOURCE: "1"}, "images": IMAGES},
}
# all that the client insists on
VERSION = ("major", "minor", "gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform")
WATCH_SECONDS = 15
MAKES_PODS = ("deployments", "jobs")


class SmallCluster(ApiServer):
    """One node with one GPU and all images. A pod has its `phase` at once; one that is deleted goes after a while.

    `takes_gpus_out`: as an admission webhook may, it gives pods without what they ask of GPUs.
    """

    def __init__(self, phase: str = "Running", linger_seconds: float = 0.3, takes_gpus_out: bool = False) -> None:
        super().__init__()
        self.phase, self.linger_seconds, self.takes_gpus_out = phase, linger_seconds, takes_gpus_out
        self.deleted: list[str] = []
        self.groups = ["apps", "batch"]
        self.version = "v1.31.5"
        # by the path of their collection, and their names
        self.objects: dict[str, dict[str, Any]] = {"/api/v1/nodes": {"n1": NODE}}
        # (path of the collection, what happened, the object then), in their order
        self.events: list[tuple[str, str, Any]] = []
        self.changed = threading.Condition()

    def names(self, kind: str) -> list[str]:
        """Return the names of what there is of a kind, such as `pods`."""
        with self.changed:
            return [name for path, found in self.objects.items() if path.endswith(f"/{kind}") for name in found]

    # --- what it is asked

    def get(self, path: str, query: Mapping[str, str]) -> Answer:
        collection, _, name = path.rpartition("/")
        if path.rstrip("/") == "/version":
            return 200, {"gitVersion": self.version, **dict.fromkeys(VERSION, "")}
        if path.rstrip("/") == "/apis":
            return 200, {"groups": [{"name": name, "versions": []} for name in self.groups]}
        if name == "log":
            return 200, [b"it says\n"]
        if name == "serviceaccounts":
            return self.listing([{"metadata": {"name": "default"}}])
        if "watch" in query:
            return 200, self.watch(path, int(query["resourceVersion"]))
        with self.changed:
            if name in self.objects.get(collection, {}):
                return 200, self.objects[collection][name]
            if collection in self.objects or collection.endswith("/runtimeclasses"):
                return 404, {"message": f"{path} not found"}
            everywhere = "/pods" if path == "/api/v1/pods" else path
            found = [kept for where, kept in self.objects.items() if where.endswith(everywhere)]
            selector = query.get("labelSelector", "")
            return self.listing([one for kept in found for one in kept.values() if has_labels(one, selector)])

    def listing(self, items: list[Any]) -> Answer:
        return 200, copy.deepcopy({"metadata": {"resourceVersion": str(len(self.events))}, "items": items})

    def watch(self, path: str, seen: int) -> Iterator[bytes]:
        with self.changed:
            self.changed.wait_for(lambda: len(self.events) > seen, WATCH_SECONDS)
            new = self.events[seen:]
        for where, what, one in new:
            if where == path:
                yield json.dumps({"type": what, "object": one}).encode() + b"\n"

    # --- what it is told

    def post(self, path: str, body: Any) -> Any:
        self.created.append(body)
        namespace, _, kind = path.rpartition("/")
        self.put(path, body)
        if kind in MAKES_PODS:
            pod = copy.deepcopy(body["spec"]["template"])
            pod["metadata"]["name"] = f"{body['metadata']['name']}-x7k2p"
            self.put(f"/api/v1/namespaces/{namespace.rpartition('/')[2]}/pods", pod)
        return body

    def put(self, path: str, one: Any) -> None:
        about = {"uid": f"{path}/{one['metadata']['name']}", "creationTimestamp": "2026-11-23T12:00:00Z"}
        one["metadata"].update(about, namespace=path.rpartition("/")[0].rpartition("/")[2])
        if path.endswith("/pods"):
            self.start(one)
        if path.endswith("/namespaces"):
            one["status"] = {"phase": "Active"}
        with self.changed:
            self.objects.setdefault(path, {})[one["metadata"]["name"]] = one
            self.tell(path, "ADDED", one)

    def start(self, pod: Any) -> None:
        """Give a pod its node and its phase; what is limited is requested as well, as a real server has it."""
        for container in pod["spec"]["containers"]:
            resources = container.setdefault("resources", {})
            if self.takes_gpus_out:
                resources["limits"].pop(GPU_RESOURCE, None)
            resources["requests"] = {**resources.get("limits", {}), **resources.get("requests", {})}
        pod["spec"]["nodeName"] = "n1"
        ready = {"type": "Ready", "status": str(self.phase == "Running")}
        pod["status"] = {"phase": self.phase, "conditions": [ready]}

    def delete(self, path: str) -> Answer:
        collection, _, name = path.rpartition("/")
        with self.changed:
            found = self.objects.get(collection, {}).get(name)
            if not found:
                return 404, {"message": f"{path} not found"}
            self.deleted.append(f"{found.get('kind', 'Pod')} {name}")
            if collection.endswith("/pods"):
                self.let_go(collection, name)
                return 200, found
            del self.objects[collection][name]
            pods = [(where, pod) for where, kept in self.objects.items() if where.endswith("/pods") for pod in kept]
            for where, pod in pods:
                if collection.endswith(MAKES_PODS) and pod.startswith(f"{name}-"):
                    self.let_go(where, pod)
        return 200, found

    def delete_all(self, path: str, selector: str) -> Answer:
        with self.changed:
            kept = self.objects.get(path, {})
            found = [name for name, one in kept.items() if has_labels(one, selector)]
        for name in found:
            self.delete(f"{path}/{name}")
        return 200, {}

    def let_go(self, path: str, name: str) -> None:
        pod = self.objects[path][name]
        pod["metadata"]["deletionTimestamp"] = "2026-11-23T12:01:00Z"
        self.tell(path, "MODIFIED", pod)
        gone = threading.Timer(self.linger_seconds, self.drop, (path, name))
        gone.daemon = True
        gone.start()

    def drop(self, path: str, name: str) -> None:
        with self.changed:
            if name in self.objects[path]:  # deleted once
                self.tell(path, "DELETED", self.objects[path].pop(name))

    def tell(self, path: str, what: str, one: Any) -> None:
        one["metadata"]["resourceVersion"] = str(len(self.events) + 1)
        self.events.append((path, what, copy.deepcopy(one)))
        self.changed.notify_all()


def has_labels(one: Any, selector: str) -> bool:
    """Say whether an object has the labels of a selector such as `a=b,!c`."""
    labels = one["metadata"].get("labels") or {}
    for part in filter(None, selector.split(",")):
        key, equals, value = part.removeprefix("!").partition("=")
        if part.startswith("!") == (key in labels) or (equals and labels[key] != value):
            return False
    return True
