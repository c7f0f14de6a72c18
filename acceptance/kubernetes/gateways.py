"""Gateways of a cluster's: where one's name leads to from here, whose pods it has, and how they are let in."""

import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import SplitResult

from kubernetes import client

from acceptance.kubernetes import manifests
from acceptance.kubernetes.client import SECONDS, readable
from acceptance.kubernetes.manifests import Manifest

# KServe's own, where its configuration names none: it leads nowhere
NO_DOMAIN = "example.com"
PORTS = {"http": 80, "https": 443}


def resolve(url: SplitResult, look_up: Callable[..., Any] = socket.getaddrinfo) -> list[str]:
    """Return the `host:port` that the URL's name leads to from here; KServe's own domain is nobody's."""
    host, port = url.hostname or "", url.port or PORTS.get(url.scheme, 80)
    if host.endswith(f".{NO_DOMAIN}"):
        return []
    try:
        found = look_up(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [host_port(str(one[4][0]), port) for one in found]


def host_port(host: str, port: int) -> str:
    """Return the address as URLs have it: one of IPv6 is in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def plain(host: str) -> str:
    """Return a host without brackets, and an address in its shortest form: IPv6 has many."""
    try:
        return ipaddress.ip_address(host.strip("[]")).compressed
    except ValueError:
        return host


def balanced(found: Any) -> list[str]:
    """Return the load balancer's addresses in the status of a Service or an Ingress."""
    balancer = found and found.status and found.status.load_balancer
    return [one.ip or one.hostname for one in (balancer and balancer.ingress) or [] if one.ip or one.hostname]


def given_to(service: Any) -> list[str]:
    """Return the addresses by which a Service is reached from outside the cluster."""
    return [*balanced(service), *(service.spec.external_ips or [])]


def namespaces_at(api: client.ApiClient, where: Sequence[str]) -> list[str]:
    """Return the namespaces of the Services that have one of the addresses: a gateway's pods may lie in another."""
    hosts = {plain(one.rpartition(":")[0]) for one in where}
    listed = readable(lambda: client.CoreV1Api(api).list_service_for_all_namespaces(_request_timeout=SECONDS).items)
    found = [one for one in listed or [] if hosts & {plain(host) for host in given_to(one)}]
    return sorted({one.metadata.namespace for one in found})


def policy(namespace: str, ports: Sequence[int], of: str = "") -> Manifest:
    """Return what lets the namespace's pods in to predictors, on these ports.

    `of`: the label that predictors' pods have, KServe's where it is "".
    """
    (manifest,) = manifests.read_component("kserve-gateway")
    if of:
        manifest["spec"]["podSelector"]["matchExpressions"][0]["key"] = of
    manifest["metadata"]["name"] = f"from-{namespace}"
    (rule,) = manifest["spec"]["ingress"]
    rule["from"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] = namespace
    rule["ports"] = [{"protocol": "TCP", "port": port} for port in ports]
    return manifest
