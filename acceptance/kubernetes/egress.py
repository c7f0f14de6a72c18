"""What pods that speak with the outside get of `--proxy`, `--no-proxy` and `--ca`; their manifests name it.

The run's own names never go through the proxy, whichever client library reads the variables.
"""

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH

from acceptance.kubernetes import manifests
from acceptance.kubernetes.manifests import Manifest
from acceptance.settings import Egress

# the Secret of the variables, the ConfigMap of the authorities, and where pods have that
NAME, FILE, PLACE = "egress", "authorities.pem", "/egress/authorities.pem"
# no pod of a run's speaks with other pods by their addresses, or with the API server
INSIDE = ("localhost", "127.0.0.1", ".svc", ".cluster.local")
# of OpenSSL and Python, requests and so MLflow, curl, boto3
AUTHORITIES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")


def objects(egress: Egress, inside: Sequence[str], outside: Iterable[str]) -> list[Manifest]:
    """Return the Secret and the ConfigMap that the pods' manifests name, nothing where nothing was asked for.

    `inside`: the names of the run's own Services; `outside`: the addresses that its pods ask besides.
    """
    if not egress:
        return []
    found = [manifests.secret(NAME, variables(egress, inside, outside))]
    if egress.ca:
        found.append(manifests.config_map(NAME, {FILE: authorities(egress.ca)}))
    return found


def variables(egress: Egress, inside: Sequence[str], outside: Iterable[str]) -> dict[str, str]:
    """Return the pods' variables, which hold the proxy's password. Libraries read one or the other form of a name."""
    found = dict.fromkeys(AUTHORITIES, PLACE) if egress.ca else {}
    if egress.proxy:
        for name, value in (
            ("http_proxy", egress.proxy),
            ("https_proxy", egress.proxy),
            ("no_proxy", no_proxy(egress, inside, outside)),
        ):
            found |= {name: value, name.upper(): value}
    return found


def no_proxy(egress: Egress, inside: Sequence[str], outside: Iterable[str]) -> str:
    """Return what the proxy is not for.

    boto3 knows no networks and requests no domain by its own name after a dot, so a host of `outside` that is excepted
    stands there by itself as well.
    """
    listed = [*INSIDE, *inside, *egress.no_proxy]
    return ",".join(dict.fromkeys([*listed, *(host_of(uri) for uri in outside if is_excepted(uri, listed))]))


def is_excepted(uri: str, exceptions: Iterable[str]) -> bool:
    """Say whether an address is one of the hosts, in one of the domains or in one of the networks."""
    parts = urlsplit(uri)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return any(is_within(host_of(uri), port, one) for one in exceptions)


def is_within(host: str, port: int | None, exception: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
        return address in ipaddress.ip_network(exception, strict=False)
    except ValueError:  # either is a name, or the exception has a port
        name, _, only = exception.lstrip(".").partition(":")
        return (host == name or host.endswith(f".{name}")) and only in ("", str(port))


def host_of(uri: str) -> str:
    return urlsplit(uri).hostname or ""


def authorities(file: Path) -> str:
    """Return the user's authorities and the public ones: the libraries take a file in the place of what they have."""
    return "\n".join(path.read_text(encoding="utf-8") for path in (file, Path(DEFAULT_CA_BUNDLE_PATH)))


def unused(egress: Egress, outside: Mapping[str, bool]) -> str:
    """Name the options by which nothing was asked, "" for none.

    `outside`: the addresses that pods asked, and of each whether it is trusted by `--ca`, and by nothing in its place.
    """
    proxied = any(not is_excepted(uri, [*INSIDE, *egress.no_proxy]) for uri in outside)
    trusted = any(trusts and urlsplit(uri).scheme == "https" for uri, trusts in outside.items())
    used = {"--proxy": proxied or not egress.proxy, "--ca": trusted or not egress.ca}
    return ", ".join(option for option, so in used.items() if not so)
