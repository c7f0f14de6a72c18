"""A namespace with an object whose finalizer nobody removes, on the lab's cluster."""

from pathlib import Path

import pytest

from acceptance.errors import AcceptanceError
from acceptance.kubernetes.cleanup import delete_namespace
from acceptance.kubernetes.client import connect
from tests.cluster.lab_namespace import fresh_namespace

pytestmark = pytest.mark.cluster


def test_an_object_whose_finalizer_stays_is_named_and_the_namespace_goes_once_it_is_removed(api, lab_kubeconfig):
    cluster = connect("", kubeconfig=Path(lab_kubeconfig))
    with fresh_namespace(api) as namespace:
        held = {"metadata": {"name": "held", "finalizers": ["example.com/tests"]}}
        namespace.core.create_namespaced_config_map(namespace.name, held)
        try:
            with pytest.raises(AcceptanceError) as raised:
                delete_namespace(cluster, namespace.name, finalizer_seconds=1)
        finally:
            let_go = {"metadata": {"finalizers": None}}
            namespace.core.patch_namespaced_config_map("held", namespace.name, let_go)
        for words in (namespace.name, "configmaps", "example.com/tests in 1 resource"):
            assert words in str(raised.value)
        delete_namespace(cluster, namespace.name)
        left = [one.metadata.name for one in namespace.core.list_namespace().items]
        assert namespace.name not in left
