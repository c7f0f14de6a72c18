"""What pods get of a proxy, its exceptions and authorities, and what the client libraries in them make of that."""

import copy
import ssl
import urllib.request
from urllib.parse import urlsplit

import pytest
import requests
from botocore.utils import get_environ_proxies as proxies_of_boto3

from acceptance.kubernetes import egress, manifests
from acceptance.paths import MANIFESTS
from acceptance.settings import Egress
from acceptance.storage.certificate import issue

PROXY = "http://ann:hunter2hunter2@proxy.corp.example:3128"
# as of a run in a namespace of others
INSIDE = ["mlflow-1a2b3c4d", "minio-1a2b3c4d"]
COMPONENTS = sorted(folder.name for folder in MANIFESTS.iterdir() if folder.is_dir())
# the containers that speak with what is outside of the cluster
OUTWARD = {"trainer", "mlflow-check", "mlflow", "store"}
CONTAINERS = [
    (manifest, container)
    for component in COMPONENTS
    for manifest in manifests.read_component(component)
    for container in manifests.containers_of(manifest)
]


@pytest.fixture(autouse=True)
def no_proxies_of_this_machine(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def goes_by(url):
    """Return by which proxies requests, urllib and boto3 ask the address, by the variables of this process."""
    split = urlsplit(url)
    of_urllib = {} if urllib.request.proxy_bypass(split.netloc) else urllib.request.getproxies()
    found = (requests.utils.get_environ_proxies(url), of_urllib, proxies_of_boto3(url))
    return [proxies.get(split.scheme, "") for proxies in found]


def give(monkeypatch, asked, *outside):
    for name, value in egress.variables(asked, INSIDE, outside).items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    "url",
    [
        "http://mlflow-1a2b3c4d:5000/api",
        "https://minio-1a2b3c4d:9000/models",
        "http://triton-cpu-1-predictor.team-ml.svc.cluster.local/v2",
        "http://theirs.platform.svc:5000",
        "http://localhost:8000",
        "http://127.0.0.1:8000",
    ],
)
def test_what_is_inside_goes_past_the_proxy_whatever_the_client(monkeypatch, url):
    give(monkeypatch, Egress(PROXY))
    assert goes_by(url) == ["", "", ""]


@pytest.mark.parametrize(
    "url", ["https://mlflow.example.com", "http://store.example:9000", "https://10.1.2.3", "https://notmlflow.example"]
)
def test_what_is_outside_goes_by_the_proxy_whatever_the_client(monkeypatch, url):
    give(monkeypatch, Egress(PROXY, ("other.example",)), url)
    assert goes_by(url) == [PROXY, PROXY, PROXY]


@pytest.mark.parametrize(
    ("exception", "url"),
    [
        # boto3 and urllib know no networks, and requests no domain by its own name after a dot
        ("10.0.0.0/8", "https://10.1.2.3:9000"),
        (".corp.example", "https://corp.example"),
        (".corp.example", "https://store.corp.example:9000"),
        ("corp.example", "https://store.corp.example"),
        ("store.corp.example:9000", "https://store.corp.example:9000"),
        ("store.corp.example:443", "https://store.corp.example"),
        ("10.1.2.3", "http://10.1.2.3:5000"),
    ],
)
def test_an_exception_holds_for_what_pods_ask_whatever_the_client(monkeypatch, exception, url):
    give(monkeypatch, Egress(PROXY, (exception,)), url)
    assert goes_by(url) == ["", "", ""]


@pytest.mark.parametrize(
    ("exception", "url"),
    [
        ("10.0.0.0/8", "https://11.1.2.3"),
        ("10.0.0.0/8", "https://store.example"),
        (".corp.example", "https://notcorp.example"),
        ("store.example:9000", "https://store.example"),
    ],
)
def test_nothing_else_is_excepted(exception, url):
    assert not egress.is_excepted(url, [exception])


def test_both_forms_of_each_name_are_there():
    found = egress.variables(Egress(PROXY), [], [])
    assert set(found) == {"http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}


def test_without_options_there_is_nothing():
    assert egress.objects(Egress(), INSIDE, ["https://mlflow.example.com"]) == []


def test_the_proxy_is_in_the_secret_alone_and_the_authorities_are_where_the_variables_say(tmp_path):
    file, issued = tmp_path / "corp.pem", issue(["store.example"])
    file.write_text(issued.authority.rstrip())  # no line's end, as some editors leave it
    secret, config_map = egress.objects(Egress(PROXY, (), file), INSIDE, [])
    assert (secret["kind"], secret["stringData"]["HTTPS_PROXY"]) == ("Secret", PROXY)
    assert "hunter2" not in str(config_map)
    ((name, text),) = config_map["data"].items()
    (tmp_path / name).write_text(text)
    assert {secret["stringData"][variable] for variable in egress.AUTHORITIES} == {f"/egress/{name}"}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(tmp_path / name)
    known = context.get_ca_certs()
    assert "triton-acceptance" in str(known[0]["subject"])
    # and the public ones
    assert len(known) > 50


def test_without_a_proxy_authorities_alone_are_set(tmp_path):
    file = tmp_path / "corp.pem"
    file.write_text(issue(["store.example"]).authority)
    (secret, _) = egress.objects(Egress("", (), file), INSIDE, [])
    assert set(secret["stringData"]) == set(egress.AUTHORITIES)


@pytest.mark.parametrize(
    ("manifest", "container"), CONTAINERS, ids=lambda one: one.get("name", one.get("kind", "container"))
)
def test_containers_that_speak_with_the_outside_have_them_first_and_no_other_has_them(manifest, container):
    sources = [one["secretRef"]["name"] for one in container.get("envFrom", [])]
    mounts = {one["name"]: one["mountPath"] for one in container.get("volumeMounts", [])}
    if container.get("name") not in OUTWARD:
        assert egress.NAME not in [*sources, *mounts]
        return
    # what is given for a store or a tracking server comes later, and so goes before
    assert (sources[0], len(sources)) == (egress.NAME, 2)
    assert container["envFrom"][0]["secretRef"]["optional"]
    assert f"{mounts[egress.NAME]}/{egress.FILE}" == egress.PLACE
    pod = manifests.pod_of(copy.deepcopy(manifest))
    assert pod
    (volume,) = [one for one in pod["spec"]["volumes"] if one["name"] == egress.NAME]
    assert volume["configMap"] == {"name": egress.NAME, "optional": True}


@pytest.mark.parametrize(
    ("asked", "outside", "words"),
    [
        (Egress(PROXY), {}, "--proxy"),
        (Egress(PROXY), {"https://mlflow.example.com": True}, ""),
        (Egress(PROXY, (".example.com",)), {"https://mlflow.example.com": True}, "--proxy"),
        (Egress(PROXY), {"http://theirs.platform.svc:5000": True}, "--proxy"),
        (Egress(PROXY, (".example.com",)), {"https://mlflow.example.com": True, "https://s3.example": True}, ""),
        (Egress("", (), MANIFESTS), {"https://mlflow.example.com": True}, ""),
        (Egress("", (), MANIFESTS), {"http://mlflow.example.com": True}, "--ca"),
        (Egress("", (), MANIFESTS), {"https://mlflow.example.com": False}, "--ca"),
        (Egress(PROXY, (), MANIFESTS), {}, "--proxy, --ca"),
    ],
)
def test_an_option_by_which_nothing_was_asked_is_named(asked, outside, words):
    assert egress.unused(asked, outside) == words
