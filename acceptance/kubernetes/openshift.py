"""What is different on OpenShift: its restricted security context constraints give each namespace users of its own.

https://docs.redhat.com/en/documentation/openshift_container_platform/4.19/html/authentication_and_authorization/managing-pod-security-policies
"""

from typing import Any

from kubernetes import client

from acceptance.kubernetes.client import SECONDS, readable

SECURITY = "security.openshift.io"
# the annotation of a namespace: the first of its users, and how many
USERS = "openshift.io/sa.scc.uid-range"


def is_openshift(api: client.ApiClient) -> bool:
    groups: Any = readable(lambda: client.ApisApi(api).get_api_versions(_request_timeout=SECONDS))
    return bool(groups) and any(group.name == SECURITY for group in groups.groups)


def has_own_users(namespace: Any) -> bool:
    """Say whether the cluster gave the namespace users of its own."""
    return USERS in (namespace.metadata.annotations or {})
