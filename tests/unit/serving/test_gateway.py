"""Requests through a gateway that is made up: which answers are the model server's, and what the gateway's own say."""

import ssl
from typing import Any

import numpy as np
import pytest

from acceptance.errors import AcceptanceError, Unrecoverable
from acceptance.serving import bad_requests, inference
from acceptance.serving.endpoint import Endpoint, not_ready
from acceptance.serving.gateway import Gateway
from acceptance.storage.certificate import issue
from tests.certificates import certificate
from tests.http_server import answering, saying, skip_without_ipv6
from tests.made_up_gateway import REFUSALS, MadeUpGateway, MadeUpTriton, running

HOST = "triton-cpu-1-run.models.example.org"
NAME = "Gateway kserve/kserve-ingress-gateway"
LOOK = "`kubectl -n run get httproute triton-cpu-1 -o yaml`"
PIXELS = np.zeros((1, 32, 32, 3), np.float32)
IMAGE = np.zeros((1, 32, 32, 3), np.uint8)
RUN: Any = None
FINAL = ("rbac", "login", "unauthorized", "page")


@pytest.fixture
def triton():
    with answering(MadeUpTriton) as address:
        yield address


@pytest.fixture
def made_up(triton):
    with running(MadeUpGateway()) as made_up:
        made_up.routes[HOST] = triton
        yield made_up


@pytest.fixture
def gateway(made_up):
    return Gateway(NAME, f"http://{made_up.address}", HOST, "", LOOK)


def endpoint(address, gateway):
    return Endpoint("triton-cpu-1", address, "", "", "cifar10", "cpu", RUN, way=gateway)


def test_predictions_go_through_the_gateway_by_the_urls_host(made_up, gateway):
    predictor = endpoint("127.0.0.1:9", gateway)
    assert predictor.infer_json(IMAGE).tolist() == [list(range(10))]
    assert predictor.infer_binary(PIXELS).tolist() == [list(range(10))]
    assert predictor.post(b"").code == 400
    assert set(made_up.hosts) == {HOST}


def test_the_path_of_an_url_precedes_every_path(triton):
    with running(MadeUpGateway("/serving/run/triton-cpu-1")) as made_up:
        made_up.routes[HOST] = triton
        gateway = Gateway(NAME, f"http://{made_up.address}", HOST, "/serving/run/triton-cpu-1", LOOK)
        assert gateway.not_ready("cifar10") == ""
        assert inference.infer_binary("", "cifar10", PIXELS, gateway).shape == (1, 10)


@pytest.mark.parametrize("kind", ["an unknown model", "an empty body"])
def test_an_error_of_the_servers_own_is_its_answer_through_a_gateway_too(gateway, kind):
    answer = bad_requests.send(kind, "127.0.0.1:9", "cifar10", gateway)
    assert bad_requests.unclear(kind, answer) is None


MEANT = {
    "rbac": ("refuses the request", "AuthorizationPolicy"),
    "login": ("sends the request on to https://login.example.org/auth", "without a login"),
    "unauthorized": ("refuses the request", "AuthorizationPolicy"),
    "unhealthy": ("has a route and does not reach the model server", "NetworkPolicy"),
    "upstream": ("has a route and does not reach the model server", "mutual TLS"),
    "queue-proxy": ("has a route and does not reach the model server", LOOK),
    "large": ("refuses a request of that size", "raise the size"),
    "page": ("answers in the model server's place", LOOK),
    "kong": ("has no route for that host", LOOK),
}


@pytest.mark.parametrize("refuses", REFUSALS)
def test_a_refusal_is_told_apart_and_named_with_the_gateway_the_url_the_host_the_code_and_the_fix(
    made_up, gateway, refuses
):
    made_up.refuses = refuses
    predictor = endpoint("127.0.0.1:9", gateway)
    for ask in (
        lambda: predictor.infer_json(IMAGE),
        lambda: predictor.infer_binary(PIXELS),
        lambda: bad_requests.send("an unknown model", "", "cifar10", gateway),
    ):
        with pytest.raises(AcceptanceError) as raised:
            ask()
        problem, (means, fix) = raised.value.problem, MEANT[refuses]
        for words in (NAME, means, f"http://{made_up.address}/v2/models/", f"Host {HOST}", str(REFUSALS[refuses][0])):
            assert words in problem.what
        assert fix in problem.fix


def test_a_host_that_no_route_is_for_is_named(made_up, gateway):
    made_up.routes.clear()
    with pytest.raises(AcceptanceError, match=r"has no route for that host: .*HTTP 404 \(server: istio-envoy\)"):
        endpoint("127.0.0.1:9", gateway).infer_json(IMAGE)


# --- whether the model answers there


def test_a_predictor_is_ready_once_the_model_itself_answers_through_its_gateway(triton, made_up, gateway):
    made_up.routes.clear()
    assert "has no route for that host" in not_ready(endpoint(triton, gateway))
    made_up.routes[HOST] = triton
    made_up.refuses = "unhealthy"
    assert "no healthy upstream" in not_ready(endpoint(triton, gateway))
    made_up.refuses = ""
    assert not_ready(endpoint(triton, gateway)) == ""


@pytest.mark.parametrize("refuses", FINAL)
def test_a_refusal_that_no_waiting_changes_ends_the_wait(triton, made_up, gateway, refuses):
    made_up.refuses = refuses
    with pytest.raises(Unrecoverable, match=f"{NAME} .*Host {HOST}"):
        not_ready(endpoint(triton, gateway))


def test_another_model_behind_the_host_is_not_the_predictor(gateway):
    with (
        answering(saying(b'{"name": "resnet"}', kind="application/json")) as other,
        running(MadeUpGateway()) as made_up,
    ):
        made_up.routes[HOST] = other
        found = Gateway(NAME, f"http://{made_up.address}", HOST)
        assert "answers, but not as model cifar10: HTTP 200" in found.not_ready("cifar10")


def test_a_gateways_address_is_reached_past_a_proxy_and_one_that_is_not_there_is_named(gateway, monkeypatch):
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert gateway.not_reached() == ""
    away = Gateway(NAME, "http://127.0.0.1:9", HOST)
    assert "http://127.0.0.1:9 gives no answer: " in away.not_reached()
    assert "gives no answer" in away.not_ready("cifar10")


# --- TLS


@pytest.mark.parametrize("name", [HOST, "*.models.example.org"])
def test_over_tls_the_address_must_prove_the_urls_host(tmp_path, triton, monkeypatch, name):
    file = certificate(tmp_path, name)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    names = []
    context.sni_callback = lambda connection, asked, itself: names.append(asked)
    with running(MadeUpGateway(), context) as made_up:
        made_up.routes[HOST] = triton
        gateway = Gateway(NAME, f"https://{made_up.address}", HOST)
        assert gateway.not_ready("cifar10") == ""
        assert inference.infer_binary("", "cifar10", PIXELS, gateway).shape == (1, 10)
    assert set(names) == {HOST}


def test_over_tls_a_host_that_is_an_address_of_ipv6_is_proved_as_one(tmp_path, triton, monkeypatch):
    skip_without_ipv6()
    issued, file = issue(["fd00::7"]), tmp_path / "server.pem"
    file.write_text(issued.certificate + issued.key)
    (tmp_path / "authority.pem").write_text(issued.authority)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "authority.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with running(MadeUpGateway(), context, "::1") as made_up:
        made_up.routes["[fd00::7]:8443"] = triton
        assert Gateway(NAME, f"https://{made_up.address}", "[fd00::7]:8443").not_ready("cifar10") == ""
        with pytest.raises(Unrecoverable, match="certificate is not accepted"):
            Gateway(NAME, f"https://{made_up.address}", "[fd00::8]:8443").not_ready("cifar10")


@pytest.mark.parametrize(("name", "trusted"), [("another.example.org", True), (HOST, False)])
def test_a_certificate_that_is_not_accepted_is_said_with_the_fix(tmp_path, monkeypatch, name, trusted):
    file = certificate(tmp_path, name)
    if trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(file))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with running(MadeUpGateway(), context) as made_up:
        gateway = Gateway(NAME, f"https://{made_up.address}", HOST)
        assert gateway.not_reached() == ""
        with pytest.raises(Unrecoverable, match=r"certificate is not accepted.*REQUESTS_CA_BUNDLE"):
            gateway.not_ready("cifar10")
