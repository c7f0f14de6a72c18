"""The rights that the documents list, in the forms that a cluster and an object store take."""

import re
from typing import Any

from acceptance.paths import ROOT

NAMED = re.compile(r"`([^`]+)`")


def rows(file: str) -> list[list[str]]:
    """Return the cells of the table below a document's heading Rights, its own heading left out."""
    part = (ROOT / "docs" / file).read_text(encoding="utf-8").partition("## Rights\n")[2].partition("\n## ")[0]
    found = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if line.startswith("|")
    ]
    return found[2:]


def bucket_policy(bucket: str, prefix: str) -> dict[str, Any]:
    """Return a policy that allows what docs/storage.md lists, and nothing else."""
    places = {"the bucket": f"arn:aws:s3:::{bucket}", "the prefix": f"arn:aws:s3:::{bucket}/{prefix}/*"}
    statements = [
        {"Effect": "Allow", "Action": NAMED.findall(actions), "Resource": [places[place]]}
        for actions, place in rows("storage.md")
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def cluster_rules(*files: str) -> list[dict[str, Any]]:
    """Return the rules of a ClusterRole that allow what these documents list."""
    return [
        {"apiGroups": [group], "resources": [resource], "verbs": verbs}
        for file in files
        for resources, verbs in ((row[0], re.findall(r"[a-z]+", row[1].partition(":")[0])) for row in rows(file))
        for resource, group in map(named, re.split(r",\s*", resources.replace("of all namespaces", "").strip()))
    ]


def named(resource: str) -> tuple[str, str]:
    """Return a resource's name and its API group; the documents leave out the groups of Kubernetes' own."""
    name, _, group = resource.strip().partition(".")
    return name, group or GROUPS.get(name, "")


GROUPS = {
    "jobs": "batch",
    "deployments": "apps",
    "networkpolicies": "networking.k8s.io",
    "runtimeclasses": "node.k8s.io",
    "appliedclusterresourcequotas": "quota.openshift.io",
}
