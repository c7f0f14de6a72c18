"""How the gateway of an InferenceService is found, by the answers of a cluster's API server."""

import json
import socket
from urllib.parse import urlsplit

import pytest

from acceptance.errors import Unrecoverable
from acceptance.kserve.routes import Routes, find_gateway, resolve, routes_of
from acceptance.kubernetes.gateways import policy
from acceptance.serving.gateway import Gateway
from tests.http_server import answering, skip_without_ipv6
from tests.made_up_gateway import MadeUpGateway, MadeUpTriton, running
from tests.unit.kubernetes.api_server import cluster_of, running_api_server

URL = "http://triton-cpu-1-run.models.example.org"
HOST = "triton-cpu-1-run.models.example.org"
FORBIDDEN = (403, {"message": "no"})
GATEWAY = "/apis/gateway.networking.k8s.io/v1/namespaces/kserve/gateways/kserve-ingress-gateway"
INGRESS = "/apis/networking.k8s.io/v1/namespaces/run/ingresses/triton-cpu-1"
KOURIER = "/api/v1/namespaces/kourier-system/services/kourier"
BY_GATEWAY = Routes("Gateway", "kserve/kserve-ingress-gateway")
LABEL = "kubernetes.io/metadata.name"


@pytest.mark.parametrize(
    ("ingress", "layer", "kind", "name", "why"),
    [
        ({"enableGatewayApi": True, "kserveIngressGateway": "a/b"}, "", "Gateway", "a/b", ""),
        ({"enableGatewayApi": False, "kserveIngressGateway": "a/b"}, "", "Ingress", "", ""),
        ({"enableGatewayApi": True, "disableIngressCreation": True}, "", "", "", "disableIngressCreation"),
        ({"ingressDomain": "svc.cluster.local"}, "", "", "", "ingressDomain"),
        # in Knative mode KServe's own routes are of no account
        ({"disableIngressCreation": True}, "istio.ingress.networking.knative.dev", "Service", "istio-system/", ""),
        ({}, "gateway-api.ingress.networking.knative.dev", "", "", "knows no gateway of Knative's ingress class"),
    ],
)
def test_what_kserve_makes_routes_for_is_in_its_configuration(ingress, layer, kind, name, why):
    found = routes_of(json.dumps(ingress), layer)
    assert found.kind == kind
    assert found.name.startswith(name)
    assert why in found.why
    assert bool(found.why) is bool(why)


@pytest.mark.parametrize("ingress", [None, "no JSON", "[]"])
def test_a_configuration_that_cannot_be_read_says_so(ingress):
    assert "can't be read" in routes_of(ingress, "").why


# --- where it is reached


def of_gateway(*addresses, port=80, protocol="HTTP"):
    values = [{"type": "IPAddress", "value": one} for one in addresses]
    listeners = [{"name": "other", "port": 9, "protocol": "TLS"}, {"name": "l", "port": port, "protocol": protocol}]
    return 200, {"metadata": {"name": "g"}, "spec": {"listeners": listeners}, "status": {"addresses": values}}


def balanced(*addresses, name="kourier", namespace="kourier-system"):
    status = {"loadBalancer": {"ingress": [{"ip": one} for one in addresses]}}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {}, "status": status}


@pytest.fixture
def made_up():
    with answering(MadeUpTriton) as triton, running(MadeUpGateway()) as made_up:
        made_up.routes[HOST] = triton
        yield made_up


def look(tmp_path, routes, answers, url=URL):
    """Return what is found, and the namespaces that are let in."""
    let: list[str] = []
    status = {"url": url} if url else {}
    service = {"metadata": {"name": "triton-cpu-1", "namespace": "run"}, "status": status}
    with running_api_server() as server:
        server.answers.update(answers)
        with cluster_of(tmp_path, server.address).api() as api:
            return find_gateway(api, routes, service, "kubectl", let.extend), let


def test_the_gateways_address_is_asked_for_the_urls_host_and_its_namespaces_are_let_in(tmp_path, made_up):
    port = int(made_up.address.rpartition(":")[2])
    services = [balanced("127.0.0.1", namespace="envoy-gateway-system"), balanced("203.0.113.9", namespace="other")]
    answers = {
        GATEWAY: of_gateway("127.0.0.1", port=port),
        "/api/v1/services": (200, {"metadata": {}, "items": services}),
    }
    found, let = look(tmp_path, BY_GATEWAY, answers)
    assert isinstance(found, Gateway)
    assert (found.url, found.host) == (f"http://{made_up.address}", HOST)
    assert found.name == "Gateway kserve/kserve-ingress-gateway"
    assert found.look_at == "`kubectl -n run get httproute triton-cpu-1 -o yaml`"
    assert str(found) == f"Gateway kserve/kserve-ingress-gateway at http://{made_up.address}, Host {HOST}"
    assert let == ["envoy-gateway-system"]
    assert found.not_ready("cifar10") == ""


def test_the_listener_is_the_one_of_the_urls_scheme(tmp_path):
    answers = {GATEWAY: of_gateway("127.0.0.1", port=9, protocol="HTTPS")}
    found, _ = look(tmp_path, BY_GATEWAY, answers, URL.replace("http:", "https:"))
    assert "https://127.0.0.1:9 gives no answer" in found


@pytest.mark.parametrize(
    ("routes", "answers", "words"),
    [
        (BY_GATEWAY, {GATEWAY: FORBIDDEN}, "Gateway kserve/kserve-ingress-gateway has no address that this account"),
        (BY_GATEWAY, {}, "has no address that this account may read"),
        (BY_GATEWAY, {GATEWAY: of_gateway()}, "has no address"),
        (BY_GATEWAY, {GATEWAY: of_gateway("127.0.0.1", port=9)}, "http://127.0.0.1:9 gives no answer"),
        (BY_GATEWAY, {GATEWAY: of_gateway("::1", port=9)}, "http://[::1]:9 gives no answer"),
        (Routes("Ingress"), {}, "Ingress run/triton-cpu-1 has no address"),
        (Routes("Service", "kourier-system/kourier"), {KOURIER: FORBIDDEN}, "Service kourier-system/kourier has no "),
        (Routes(why="KServe makes no routes"), {}, "KServe makes no routes"),
    ],
)
def test_a_gateway_that_this_machine_does_not_reach_is_said_with_the_reason(tmp_path, routes, answers, words):
    found, _ = look(tmp_path, routes, answers)
    assert isinstance(found, str)
    assert words in found


def test_an_url_for_pods_alone_is_asked_nowhere(tmp_path):
    # a gateway that is reached has no route for such a host
    answers = {GATEWAY: of_gateway("127.0.0.1", port=9)}
    found, let = look(tmp_path, BY_GATEWAY, answers, "http://triton-cpu-1.run.svc.cluster.local")
    assert found == "its URL is for pods alone, http://triton-cpu-1.run.svc.cluster.local"
    assert let == []


def test_an_inference_service_without_an_url_is_reached_by_port_forward(tmp_path):
    assert look(tmp_path, BY_GATEWAY, {}, url="") == ("KServe gave it no URL", [])


@pytest.mark.parametrize(
    ("routes", "path", "one"),
    [
        (Routes("Ingress"), INGRESS, {"metadata": {"name": "triton-cpu-1"}}),
        (Routes("Service", "kourier-system/kourier"), KOURIER, {"metadata": {"name": "kourier"}, "spec": {}}),
    ],
)
def test_a_load_balancers_address_is_that_of_the_urls_scheme(tmp_path, routes, path, one):
    # nobody listens there: port 80 of an address that is this machine's own and nothing else's
    status = {"loadBalancer": {"ingress": [{"ip": "127.80.80.80"}]}}
    found, _ = look(tmp_path, routes, {path: (200, {**one, "status": status})})
    assert "http://127.80.80.80:80 gives no answer" in found


def test_an_ingress_gets_its_address_a_moment_later(tmp_path, made_up):
    asked = []

    def later():
        asked.append(1)
        found = [{"hostname": "localhost"}] if len(asked) > 1 else []
        return 200, {"metadata": {"name": "triton-cpu-1"}, "status": {"loadBalancer": {"ingress": found}}}

    found, _ = look(tmp_path, Routes("Ingress"), {INGRESS: later}, URL.replace("http:", "https:"))
    assert "https://localhost:443 gives no answer" in found


# --- where the URL's name resolves


@pytest.fixture
def resolving(made_up):
    """An URL whose name resolves here, to the made-up gateway."""
    return f"http://localhost:{made_up.address.rpartition(':')[2]}"


def route(made_up, url):
    made_up.routes[url.removeprefix("http://")] = made_up.routes[HOST]


def test_an_url_whose_name_resolves_is_asked_itself(tmp_path, made_up, resolving):
    route(made_up, resolving)
    service = {"/api/v1/services": (200, {"metadata": {}, "items": [balanced("127.0.0.1")]})}
    found, let = look(tmp_path, BY_GATEWAY, {GATEWAY: FORBIDDEN, **service}, resolving)
    assert isinstance(found, Gateway)
    assert (found.url, found.host) == (resolving, "")
    assert found.not_ready("cifar10") == ""
    assert let == ["kourier-system"]


def test_a_refusal_where_kserve_makes_routes_is_the_gateways_and_no_reason_to_go_around_it(
    tmp_path, made_up, resolving
):
    made_up.refuses = "rbac"
    found, _ = look(tmp_path, BY_GATEWAY, {}, resolving)
    assert isinstance(found, Gateway)
    with pytest.raises(Unrecoverable, match="RBAC: access denied"):
        found.not_ready("cifar10")


@pytest.mark.parametrize("refuses", ["rbac", "unhealthy"])
def test_where_kserve_makes_no_route_the_model_itself_must_answer(tmp_path, made_up, resolving, refuses):
    disabled = Routes(why="KServe makes no routes (disableIngressCreation)")
    made_up.refuses = refuses
    found, _ = look(tmp_path, disabled, {}, resolving)
    assert isinstance(found, str)
    assert found.startswith("KServe makes no routes (disableIngressCreation); ")
    made_up.refuses = ""
    route(made_up, resolving)
    found, _ = look(tmp_path, disabled, {}, resolving)
    assert isinstance(found, Gateway)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (URL, ["203.0.113.7:80"]),
        (f"https://{HOST}", ["203.0.113.7:443"]),
        (f"http://{HOST}:8080", ["203.0.113.7:8080"]),
        # KServe's own domain is nobody's
        ("http://triton-run.example.com", []),
    ],
)
def test_a_name_is_looked_up_where_it_may_be_somebodys(url, expected):
    def look_up(host, port, **options):
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("203.0.113.7", port))]

    assert resolve(urlsplit(url), look_up) == expected


def test_addresses_of_ipv6_are_written_as_urls_have_them():
    def look_up(host, port, **options):
        return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fd00::7", port, 0, 0))]

    assert resolve(urlsplit(URL), look_up) == ["[fd00::7]:80"]


def test_a_gateway_at_an_address_of_ipv6_is_asked_and_its_namespace_let_in_however_its_service_writes_it(tmp_path):
    skip_without_ipv6()
    with answering(MadeUpTriton) as triton, running(MadeUpGateway(), host="::1") as made_up:
        made_up.routes[HOST] = triton
        port = int(made_up.address.rpartition(":")[2])
        services = [
            balanced("0:0:0:0:0:0:0:1", namespace="envoy-gateway-system"),
            balanced("fd00::9", namespace="other"),
        ]
        answers = {
            GATEWAY: of_gateway("::1", port=port),
            "/api/v1/services": (200, {"metadata": {}, "items": services}),
        }
        found, let = look(tmp_path, BY_GATEWAY, answers)
        assert isinstance(found, Gateway)
        assert (found.url, found.host) == (f"http://[::1]:{port}", HOST)
        assert let == ["envoy-gateway-system"]
        assert found.not_ready("cifar10") == ""


def test_a_name_that_nobody_knows_leads_nowhere():
    def look_up(*arguments, **options):
        raise socket.gaierror(-2, "Name or service not known")

    assert resolve(urlsplit(URL), look_up) == []


def test_the_policy_lets_one_namespace_in_to_predictors_alone():
    made = policy("istio-system", (8080, 9000))["spec"]
    assert made["podSelector"] == {
        "matchExpressions": [{"key": "serving.kserve.io/inferenceservice", "operator": "Exists"}]
    }
    assert made["policyTypes"] == ["Ingress"]
    (rule,) = made["ingress"]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {LABEL: "istio-system"}}}]
    assert rule["ports"] == [{"protocol": "TCP", "port": 8080}, {"protocol": "TCP", "port": 9000}]
