"""What serves the URLs that KServe gives: whether KServe makes routes at all, the gateway of them, and its address."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

from kubernetes import client

from acceptance.errors import AcceptanceError, WaitTimeout
from acceptance.kubernetes import kinds
from acceptance.kubernetes.client import SECONDS, readable
from acceptance.kubernetes.gateways import PORTS, balanced, host_port, namespaces_at, resolve
from acceptance.serving.gateway import Gateway
from acceptance.serving.repository import MODEL
from acceptance.waiting import Ready, wait_until

INSIDE = ".svc.cluster.local"
# Knative's network layers: the Service of the gateway, and the namespace of the one inside where that is another
LAYERS = {
    "istio.ingress.networking.knative.dev": ("istio-system/istio-ingressgateway", ()),
    "kourier.ingress.networking.knative.dev": ("kourier-system/kourier", ()),
    "contour.ingress.networking.knative.dev": ("contour-external/envoy", ("contour-internal",)),
}
ACTIVATOR = "knative-serving"
# of queue-proxy: requests over HTTP/1, HTTP/2 and TLS, and the metrics that Knative scales by
QUEUE_PROXY_PORTS = (8012, 8013, 8112, 9090)
# how long a policy, and the controller of an Ingress, may take
MOMENT, INGRESS_SECONDS = 5, 10
# how an object of KServe's that routes is shown
SHOWN = {"Gateway": "httproute {}", "Ingress": "ingress {}", "Service": "ksvc,kingress"}


@dataclass(frozen=True)
class Routes:
    """What a cluster's KServe makes its routes for.

    `kind`: "Gateway" (of the Gateway API), "Ingress", or "Service" (of Knative's gateway), "" where it makes none or
    that isn't known, and `why`; `name`: the gateway's `namespace/name`; `inside`: more namespaces that requests come
    from.
    """

    kind: str = ""
    name: str = ""
    why: str = ""
    inside: tuple[str, ...] = ()

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Those whose pods send requests to predictors, as far as the configuration tells."""
        return (*([self.name.partition("/")[0]] if self.name else []), *self.inside)


def routes_of(ingress: str | None, layer: str) -> Routes:
    """Return the routes by KServe's configuration of its ingress, JSON, None where it can't be read.

    `layer`: Knative's ingress class, which has the say in Knative mode, "" in Standard mode.
    """
    if layer:
        service, inside = LAYERS.get(layer, ("", ()))
        why = "" if service else f"the suite knows no gateway of Knative's ingress class {layer}"
        return Routes("Service" if service else "", service, why, (*inside, ACTIVATOR))
    try:
        found = json.loads(ingress or "")
        disabled, domain = found.get("disableIngressCreation"), found.get("ingressDomain")
        api, gateway = found.get("enableGatewayApi"), str(found.get("kserveIngressGateway", ""))
    except (TypeError, ValueError, AttributeError):
        return Routes(why="KServe's configuration of its ingress can't be read")
    if disabled:
        return Routes(why="KServe makes no routes (disableIngressCreation)")
    if domain == INSIDE.lstrip("."):
        return Routes(why="KServe's domain is the cluster's own (ingressDomain)")
    return Routes("Gateway", gateway) if api else Routes("Ingress")


def find_gateway(
    api: client.ApiClient,
    routes: Routes,
    service: Mapping[str, Any],
    kubectl: str,
    let_in: Callable[[Sequence[str]], None],
) -> Gateway | str:
    """Return where this machine reaches the URL of a ready InferenceService, or why it doesn't.

    First at the gateway's addresses, by the URL's host; then at the URL itself where its name resolves. Where KServe
    makes no route, or that isn't known, somebody else may have: then the model itself must answer. `let_in` is told
    the namespaces from which the gateway's pods send requests.
    """
    url = urlsplit(service.get("status", {}).get("url") or "")
    if not url.hostname:
        return "KServe gave it no URL"
    if url.hostname.endswith(INSIDE):
        return f"its URL is for pods alone, {url.geturl()}"
    name, namespace = service["metadata"]["name"], service["metadata"]["namespace"]
    look_at = f"`{kubectl} -n {namespace} get {SHOWN.get(routes.kind, 'ingress').format(name)} -o yaml`"
    called = f"{routes.kind} {routes.name or f'{namespace}/{name}'}"
    path, resolved = url.path.rstrip("/"), resolve(url)
    where = addresses(api, routes, url, name, namespace)
    found = [Gateway(called, f"{url.scheme}://{one}", url.netloc, path, look_at) for one in where]
    if resolved:
        found.append(Gateway(f"what serves {url.hostname}", f"{url.scheme}://{url.netloc}", "", path, look_at))
    let_in(namespaces_at(api, [*where, *resolved]))
    why = [] if where else [routes.why or f"{called} has no address that this account may read"]
    for gateway in found:
        missing = gateway.not_reached() or ("" if routes.kind else not_the_model(gateway))
        if not missing:
            return gateway
        why.append(missing)
    return "; ".join(why)


def not_the_model(gateway: Gateway) -> str:
    """Return "" once the model answers, after a moment at most: a policy that lets it in takes one."""

    def state() -> Ready[str] | str:
        return gateway.not_ready(MODEL) or Ready("")

    try:
        return wait_until("the model to answer", state, MOMENT, poll=0.5)
    except WaitTimeout:
        return f"the model does not answer at {gateway.base}"
    except AcceptanceError as error:
        return error.problem.what


def addresses(api: client.ApiClient, routes: Routes, url: SplitResult, name: str, namespace: str) -> list[str]:
    """Return `host:port` of the gateway, for each address that the cluster says of it."""
    port = PORTS.get(url.scheme, 80)
    if routes.kind == "Gateway":
        gateway = readable(lambda: kinds.read(api, "Gateway", *reversed(routes.name.split("/", 1)))) or {}
        listeners = gateway.get("spec", {}).get("listeners", [])
        ports = [one["port"] for one in listeners if one["protocol"].lower() == url.scheme]
        port = ports[0] if ports and port not in ports else port
        found = [one["value"] for one in gateway.get("status", {}).get("addresses", [])]
    elif routes.kind == "Ingress":
        found = ingress_addresses(api, name, namespace)
    elif routes.kind == "Service":
        where, _, called = routes.name.partition("/")
        read_service = client.CoreV1Api(api).read_namespaced_service
        found = balanced(readable(lambda: read_service(called, where, _request_timeout=SECONDS)))
    else:
        found = []
    return [host_port(one, port) for one in found]


def ingress_addresses(api: client.ApiClient, name: str, namespace: str) -> list[str]:
    """Return an Ingress' addresses, none where its controller gives it none in time: KServe doesn't wait for it."""
    read = client.NetworkingV1Api(api).read_namespaced_ingress

    def state() -> Ready[list[str]] | str:
        found = readable(lambda: read(name, namespace, _request_timeout=SECONDS))
        where = balanced(found)
        return Ready(where) if where or not found else "it has none"

    try:
        return wait_until(f"an address of Ingress {name}", state, INGRESS_SECONDS, poll=0.5)
    except WaitTimeout:
        return []
