"""Remove the namespaces that interrupted runs left in a cluster: `make clean-cluster`.

With `--namespace` it removes what runs left in a namespace that others use too, with `--run` only what that one left.
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
from acceptance.kubernetes.manifests import PART_OF, RUN
from acceptance.kubernetes.run_cleanup import ALWAYS, MARKER, delete_run
from acceptance.processes.owner import is_here, process_of


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools.clean_cluster", description=__doc__)
    parser.add_argument("--kube-context", default=os.environ.get("ACCEPTANCE_KUBE_CONTEXT", ""))
    parser.add_argument("--all", action="store_true", help="also what other machines' runs left, and what was kept")
    parser.add_argument("--namespace", default="", help="remove what runs left in this namespace, which stays")
    parser.add_argument("--run", default="", help="with --namespace: what this run left, however it ended")
    arguments = parser.parse_args()
    if arguments.run and not arguments.namespace:
        parser.error("--run: name the namespace too, with --namespace")
    failed = False
    try:
        cluster = connect(arguments.kube_context)
        print(cluster)
        found = markers(cluster, arguments.namespace) if arguments.namespace else labelled(cluster)
        if arguments.run:
            found = [one for one in found if one.metadata.labels[RUN] == arguments.run]
            if not found:
                print(f"namespace {arguments.namespace} has nothing of run {arguments.run}", file=sys.stderr)
                return 1
    except AcceptanceError as error:
        print(error, file=sys.stderr)
        return 1
    for one in found:
        name, noted = one.metadata.name, one.metadata.annotations or {}
        # whoever names a run knows that it was kept
        spared = why_spared({**noted, KEPT: "false"} if arguments.run else noted, arguments.all)
        if spared:
            print(f"{name}: left alone, {spared}")
            continue
        try:
            if arguments.namespace:
                delete_run(cluster, arguments.namespace, one.metadata.labels[RUN], {*ALWAYS, "Secret"})
            else:
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


def markers(cluster: Cluster, namespace: str) -> list[Any]:
    """Return the ConfigMaps that say whose the objects in a namespace are, one for each run."""
    with cluster.api() as api, cluster.api_errors(f"listing the runs in namespace {namespace}"):
        listing = client.CoreV1Api(api).list_namespaced_config_map
        return listing(namespace, label_selector=MARKER, _request_timeout=SECONDS).items


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
