"""Where the cluster of a target comes from: one provider for each target that has pods.

May import `kubernetes`, `docker` and what those may.
"""

from acceptance.clusters.existing import Existing
from acceptance.clusters.k3d import K3d
from acceptance.clusters.kind import Kind
from acceptance.clusters.provider import Provider

PROVIDERS: dict[str, type[Provider]] = {"existing": Existing, "kind": Kind, "k3d": K3d}
