"""A pull secret on the lab, for a registry that there isn't: what it holds must not get out."""

import base64
import contextlib
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kubernetes import client

from tests.cluster.lab_namespace import fresh_namespace

NAME, KEY = "registry", ".dockerconfigjson"


@dataclass(frozen=True)
class PullSecret:
    """`place`: as --pull-secret names it; `held`: all the forms in which what it holds could get out."""

    place: str
    held: tuple[bytes, ...]


@contextlib.contextmanager
def pull_secret_for(api: client.ApiClient, namespace: str) -> Iterator[PullSecret]:
    """Make one in a namespace of its own, which the accounts of the other namespace may get there, and nothing else."""
    rbac: Any = client.RbacAuthorizationV1Api(api)
    password = secrets.token_urlsafe(24)
    auth = base64.b64encode(f"site:{password}".encode()).decode()
    login = {"username": "site", "password": password, "auth": auth}
    content = json.dumps({"auths": {"registry.site.example": login}})
    with fresh_namespace(api) as platform:
        body = {"metadata": {"name": NAME}, "type": "kubernetes.io/dockerconfigjson", "stringData": {KEY: content}}
        platform.core.create_namespaced_secret(platform.name, body)
        rule = {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [NAME], "verbs": ["get"]}
        rbac.create_namespaced_role(platform.name, {"metadata": {"name": NAME}, "rules": [rule]})
        group = "rbac.authorization.k8s.io"
        subject = {"kind": "Group", "apiGroup": group, "name": f"system:serviceaccounts:{namespace}"}
        reference = {"apiGroup": group, "kind": "Role", "name": NAME}
        binding = {"metadata": {"name": NAME}, "subjects": [subject], "roleRef": reference}
        rbac.create_namespaced_role_binding(platform.name, binding)
        held = (password, auth, base64.b64encode(content.encode()).decode())
        yield PullSecret(f"{platform.name}/{NAME}", tuple(form.encode() for form in held))
