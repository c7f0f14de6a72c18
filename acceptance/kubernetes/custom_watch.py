"""A watch of objects of a kind that a cluster has learnt, which the client knows as dictionaries alone."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from kubernetes import client

from acceptance.kubernetes.client import Cluster
from acceptance.kubernetes.kinds import CUSTOM
from acceptance.kubernetes.watches import Watched


class CustomWatched(Watched):
    """The objects of one kind in a namespace; each item has `metadata` as others have, and all of it in `content`."""

    def __init__(self, cluster: Cluster, kind: str, namespace: str) -> None:
        self.kind = CUSTOM[kind]
        super().__init__(cluster, self.kind.plural, "list_namespaced_custom_object", namespace=namespace)

    def connect(self) -> None:
        listing = client.CustomObjectsApi(self.cluster.api()).list_namespaced_custom_object
        of = self.kind

        def listed(namespace: str, **options: Any) -> Any:
            found: Any = listing(of.group, of.version, namespace, of.plural, **options)
            if not isinstance(found, dict):  # a stream of events
                return found
            about = SimpleNamespace(resource_version=found["metadata"]["resourceVersion"])
            return SimpleNamespace(metadata=about, items=[self.item(one) for one in found["items"]])

        self.list = listed
        self.expired = False

    def item(self, found: Any) -> Any:
        about = found["metadata"]
        metadata = SimpleNamespace(name=about["name"], uid=about["uid"], resource_version=about["resourceVersion"])
        return SimpleNamespace(metadata=metadata, content=found)

    def named(self, name: str) -> Mapping[str, Any]:
        """Return the object of that name as it is now, {} where there is none yet."""
        return next((one.content for one in self.items() if one.metadata.name == name), {})
