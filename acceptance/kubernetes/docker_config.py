"""The logins that a pull secret holds, and which of them the kubelet takes for an image."""

import base64
import binascii
import json
from collections.abc import Mapping
from fnmatch import fnmatchcase
from urllib.parse import urlsplit

from acceptance.images import split
from acceptance.login import Login

# by this name Docker keeps its Hub's login
HUB = ("index.docker.io", "docker.io")


def entries(data: str) -> dict[str, dict[str, object]]:
    """Return what a pull secret's content, as Kubernetes has it, says of each registry; nothing where it is none.

    A registry is a host, maybe with `*` in it, a port and a path.
    """
    try:
        content = json.loads(base64.b64decode(data))
        found = content.get("auths", content).items()
    except (binascii.Error, ValueError, AttributeError):
        return {}  # the kubelet will say so
    return {registry: entry for registry, entry in found if isinstance(entry, dict)}


def read_logins(data: str) -> dict[str, Login]:
    """Return the logins that are in it, by their registries."""
    return {registry: login for registry, entry in entries(data).items() if (login := read_login(entry))}


def read_login(entry: Mapping[str, object]) -> Login | None:
    if entry.get("username") and entry.get("password"):
        return Login(str(entry["username"]), str(entry["password"]))
    try:
        user, colon, password = base64.b64decode(str(entry.get("auth", ""))).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return Login(user, password.rstrip("\0")) if colon else None


def login_for(image: str, logins: Mapping[str, Login]) -> Login | None:
    """Return the login of the registry, and of the longest path in it, that has the image."""
    host, path = split(image)
    fitting = [registry for registry in logins if is_about(registry, host or HUB[1], path)]
    return logins[max(fitting, key=len)] if fitting else None


def is_about(registry: str, host: str, path: str) -> bool:
    """Say whether a pull secret's registry is an image's; a `*` stands for a part of a name between dots."""
    named = urlsplit(registry if "://" in registry else f"//{registry}")
    if named.netloc in HUB or host in HUB:
        return named.netloc in HUB and host in HUB
    parts, wanted = named.netloc.split("."), host.split(".")
    under = named.path.removeprefix("/v1").removeprefix("/v2").strip("/")
    return len(parts) == len(wanted) and all(map(fnmatchcase, wanted, parts)) and path.startswith(under)
