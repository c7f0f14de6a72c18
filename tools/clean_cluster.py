"""Remove the namespaces that interrupted runs left in a cluster: `make clean-cluster`.

Only what carries the suite's label goes, and nothing of a run that is still under way on this machine. What another
machine's runs left, or have under way, and what was made with `--keep` is shown, and removed with `--all`.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from typing import Any

from kubernetes import client

from acceptance.errors import AcceptanceError
from acceptance.kubernetes.cleanup import KEPT, OWNER, delete_namespace
from acceptance.kubernetes.client import SECONDS, Cluster, connect
from acceptance.kubernetes.manifests import PART_OF
from acceptance.processes.owner import is_here, process_of


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools.clean_cluster", description=__doc__)
    parser.add_argument("--kube-context", default=os.environ.get("ACCEPTANCE_KUBE_CONTEXT", ""))
    parser.add_argument("--all", action="store_true", help="also what other machines' runs left, and what was kept")
    arguments = parser.parse_args()
    failed = False
    try:
        cluster = connect(arguments.kube_context)
        print(cluster)
        found = labelled(cluster)
    except AcceptanceError as error:
        print(error, file=sys.stderr)
        return 1
    for namespace in found:
        name, noted = namespace.metadata.name, namespace.metadata.annotations or {}
        spared = why_spared(noted, arguments.all)
        if spared:
            print(f"{name}: left alone, {spared}")
            continue
        try:
            delete_namespace(cluster, name)
            print(f"{name}: removed (of {noted[OWNER]})")
        except AcceptanceError as error:
            failed = True
            print(error, file=sys.stderr)
    return int(failed)


def labelled(cluster: Cluster) -> list[Any]:
    """Return the namespaces with the suite's label."""
    ((label, value),) = PART_OF.items()
    with cluster.api() as api, cluster.api_errors("listing namespaces"):
        return client.CoreV1Api(api).list_namespace(label_selector=f"{label}={value}", _request_timeout=SECONDS).items


def why_spared(noted: Mapping[str, str], everything: bool) -> str:
    """Return why a namespace stays, or "", by its annotations: its owner is `user@host pid start`."""
    owner = noted.get(OWNER, "")
    if not owner:
        return "no run of the suite wrote its name into it"
    if pid := process_of(owner):
        return f"its run is under way here as process {pid}"
    if noted.get(KEPT) == "true" and not everything:
        return "it was made with --keep; --all removes it"
    return "" if is_here(owner) or everything else f"it is of {owner}; --all removes it"


if __name__ == "__main__":
    sys.exit(main())
