"""The end of a run's namespace, by the answers of a cluster's API server: what keeps it from going is named."""

import pytest

from acceptance.errors import AcceptanceError
from acceptance.kubernetes.cleanup import delete_namespace
from tests.unit.kubernetes.api_server import ApiServer, cluster_of, running

PATH = "/api/v1/namespaces/ns"
HELD = [
    ("NamespaceContentRemaining", "Some resources are remaining: inferenceservices.serving.kserve.io has 1 instances"),
    ("NamespaceFinalizersRemaining", "Some content has finalizers remaining: inferenceservice.finalizers in 1"),
]


class Terminating(ApiServer):
    """Its namespace has these conditions for so many looks, and is gone then."""

    def __init__(self, conditions, looks):
        super().__init__()
        self.conditions, self.looks = conditions, looks

    def get(self, path, query):
        if path != PATH:
            return 200, {"items": []}
        self.looks -= 1
        if self.looks < 0:
            return 404, {"message": "not found"}
        found = [{"type": kind, "status": "True", "message": words} for kind, words in self.conditions]
        return 200, {"metadata": {"name": "ns"}, "status": {"phase": "Terminating", "conditions": found}}

    def delete(self, path):
        return 200, {"metadata": {"name": "ns"}}


def delete(tmp_path, conditions, looks, **options):
    with running(Terminating(conditions, looks)) as server:
        delete_namespace(cluster_of(tmp_path, server.address), "ns", **options)
        return server.looks


def test_what_keeps_its_finalizers_is_named_with_the_fix_and_not_awaited(tmp_path):
    with pytest.raises(AcceptanceError) as raised:
        delete(tmp_path, HELD, looks=1000, finalizer_seconds=0)
    for words in ("inferenceservices.serving.kserve.io", "inferenceservice.finalizers", "kserve-controller-manager"):
        assert words in str(raised.value)
    assert "make clean-cluster" in str(raised.value)


@pytest.mark.parametrize(("conditions", "seconds"), [(HELD, 30), (HELD[:1], 0)])
def test_what_goes_in_time_or_has_no_finalizers_is_waited_for(tmp_path, conditions, seconds):
    assert delete(tmp_path, conditions, looks=2, finalizer_seconds=seconds) == -1
