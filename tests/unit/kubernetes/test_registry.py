"""What a registry is asked of an image, and what its answers are taken for: by a registry that is made up."""

import contextlib
import socket
import ssl
import time

import pytest

from acceptance.kubernetes.registry import (
    Found,
    LoginRefused,
    NoAnswer,
    NotThere,
    Reference,
    ask,
    is_here,
    read_reference,
)
from acceptance.login import Login
from acceptance.storage.certificate import issue
from tests.connect_proxy import proxy_to
from tests.http_server import LOGIN, Dripping, answering, talking
from tests.made_up_registry import TOKEN, MadeUpRegistry, running

DIGEST = "sha256:" + "5e" * 32
ANN = Login("ann", "very-secret-word")
BOTH = frozenset({"amd64", "arm64"})


@pytest.fixture
def registry():
    with running(MadeUpRegistry()) as registry:
        yield registry


@pytest.mark.parametrize(
    ("image", "host", "repository", "reference"),
    [
        ("registry.site:5000/ml/trainer:0.1.0", "registry.site:5000", "ml/trainer", "0.1.0"),
        ("registry.site:5000/ml/trainer", "registry.site:5000", "ml/trainer", "latest"),
        (f"nvcr.io/nvidia/triton:25.08@{DIGEST}", "nvcr.io", "nvidia/triton", DIGEST),
        (f"nvcr.io/nvidia/triton@{DIGEST}", "nvcr.io", "nvidia/triton", DIGEST),
        ("python:3.11", "docker.io", "library/python", "3.11"),
        ("docker.io/python", "docker.io", "library/python", "latest"),
        ("rancher/k3s:v1", "docker.io", "rancher/k3s", "v1"),
        ("localhost/a:1", "localhost", "a", "1"),
    ],
)
def test_a_name_is_read_as_the_kubelet_does(image, host, repository, reference):
    assert read_reference(image) == Reference(host, repository, reference)


@pytest.mark.parametrize(
    ("host", "here"),
    [("localhost:5000", True), ("127.0.0.1", True), ("[::1]:5000", True), ("localhost.site", False), ("mirror", False)],
)
def test_only_this_machine_is_asked_without_tls(host, here):
    assert is_here(host) is here


@pytest.mark.parametrize("login", ["", "Basic", "Bearer"])
def test_an_index_tells_its_digest_and_its_architectures(registry, login):
    registry.login = login
    digest = registry.put_index("ml/triton:1", "amd64", "arm64")
    assert ask(f"{registry.host}/ml/triton:1", ANN) == Found(digest, BOTH)


@pytest.mark.parametrize("login", ["", "Basic", "Bearer"])
def test_the_configuration_of_a_single_manifest_tells_its_architecture(registry, login):
    registry.login = login
    digest = registry.put_single("ml/trainer:1", "arm64")
    assert ask(f"{registry.host}/ml/trainer:1", ANN) == Found(digest, frozenset({"arm64"}))


def test_what_has_a_digest_is_asked_for_by_that_alone(registry):
    digest = registry.put_index("ml/triton:1", "amd64")
    registry.put_index("ml/triton:1", "arm64")
    assert ask(f"{registry.host}/ml/triton:1@{digest}") == Found(digest, frozenset({"amd64"}))
    assert registry.asked == [f"/v2/ml/triton/manifests/{digest}"]


def test_a_token_for_nobody_is_enough_where_it_is_given(registry):
    registry.login, registry.anybody = "Bearer", True
    digest = registry.put_index("ml/triton:1", "amd64")
    assert ask(f"{registry.host}/ml/triton:1").digest == digest
    assert registry.shown == ["", "", f"Bearer {TOKEN}"]


@pytest.mark.parametrize("image", ["ml/trainer:2", f"ml/trainer@{DIGEST}", "ml/no-such:1"])
def test_what_the_registry_has_not_is_named_with_what_puts_it_there(registry, image):
    registry.put_index("ml/trainer:1", "amd64")
    with pytest.raises(NotThere) as raised:
        ask(f"{registry.host}/{image}")
    assert str(raised.value) == (
        f"registry {registry.host} has no {registry.host}/{image}: copy it there with its digest, or name another with "
        "`--images FILE`"
    )


@pytest.mark.parametrize("kind", ["Basic", "Bearer"])
@pytest.mark.parametrize("login", [None, Login("ann", "another-word")])
def test_a_login_that_is_refused_or_lacks_is_told_without_the_password(registry, kind, login):
    registry.login = kind
    registry.put_index("ml/trainer:1", "amd64")
    with pytest.raises(LoginRefused, match=r"HTTP 401.*UNAUTHORIZED") as raised:
        ask(f"{registry.host}/ml/trainer:1", login)
    assert "another-word" not in f"{raised.value!r} {login!r}"


def test_an_account_that_may_not_read_the_image_is_refused(registry):
    registry.answers["/v2/ml/trainer/manifests/1"] = (403, "application/json", b'{"errors":[{"code":"DENIED"}]}')
    with pytest.raises(LoginRefused, match=r"HTTP 403.*DENIED"):
        ask(f"{registry.host}/ml/trainer:1", ANN)


@pytest.mark.parametrize(
    ("code", "kind", "body", "words"),
    [
        (404, "text/plain", b"404 page not found", "does not say: HTTP 404"),
        (404, "application/json", b'{"detail": "Not Found"}', "does not say: HTTP 404"),
        (403, "text/html", LOGIN, "does not say: HTTP 403, text/html"),
        (200, "text/html", LOGIN, "does not say: HTTP 200, text/html"),
        (200, "application/json", b"[]", "can't be asked from here"),
        (200, "application/json", b"{}", "can't be asked from here"),
        (200, "application/json", b'{"manifests": [{}, {"platform": {"os": "linux"}}]}', "can't be asked from here"),
        (429, "application/json", b'{"errors":[{"code":"TOOMANYREQUESTS"}]}', "does not say: HTTP 429"),
        (503, "text/plain", b"down", "does not say: HTTP 503"),
    ],
)
def test_what_is_no_registrys_word_on_the_image_proves_nothing(registry, code, kind, body, words):
    registry.answers["/v2/ml/trainer/manifests/1"] = (code, kind, body)
    with pytest.raises(NoAnswer, match=words):
        ask(f"{registry.host}/ml/trainer:1")


def test_a_registry_that_is_not_there_proves_nothing():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(NoAnswer, match=rf"registry 127.0.0.1:{port} can't be asked from here \(.*refused\)"):
        ask(f"127.0.0.1:{port}/ml/trainer:1")
    # a resolver may take its time
    with pytest.raises(NoAnswer, match=r"registry registry.invalid (can't be asked from here \(.*\)|gives no answer)"):
        ask("registry.invalid/ml/trainer:1")


@pytest.mark.parametrize("server", [lambda: talking(b""), lambda: answering(Dripping)])
def test_a_registry_that_hangs_costs_its_seconds_and_no_more(server):
    began = time.monotonic()
    with server() as host, pytest.raises(NoAnswer, match=rf"registry {host} gives no answer in 1 s"):
        ask(f"{host}/ml/trainer:1", seconds=1)
    assert time.monotonic() - began < 5


def test_a_login_goes_to_no_place_without_tls(registry):
    class Elsewhere(MadeUpRegistry):
        def challenge(self, path):
            return 'Bearer realm="http://token.example/token"'

    words = r"wants a login without TLS, at token\.example"
    with running(Elsewhere("Bearer")) as elsewhere, pytest.raises(NoAnswer, match=words):
        ask(f"{elsewhere.host}/ml/trainer:1", ANN)


def test_an_account_of_netrc_is_not_used(registry, monkeypatch, tmp_path):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login ann password very-secret-word\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    registry.put_index("ml/trainer:1", "amd64")
    ask(f"{registry.host}/ml/trainer:1")
    assert registry.shown == [""]


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A registry with TLS whose name only a proxy knows, and the file of its certificate's authority."""
    issued, context = issue(["mirror.site"]), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    for name, text in {"pem": issued.certificate + issued.key, "authority": issued.authority}.items():
        (tmp_path / name).write_text(text)
    context.load_cert_chain(tmp_path / "pem")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "NO_PROXY", "no_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    with running(MadeUpRegistry(), context) as registry, contextlib.ExitStack() as proxies:
        host, _, port = registry.host.partition(":")
        proxy = proxies.enter_context(proxy_to({"mirror.site:443": (host, int(port))}))
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        yield registry, str(tmp_path / "authority")


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_mirror_behind_a_proxy_is_asked_whose_authority_the_system_or_a_variable_knows(mirror, monkeypatch, variable):
    registry, authority = mirror
    digest = registry.put_index("ml/trainer:1", "amd64")
    with pytest.raises(NoAnswer, match=r"registry mirror.site can't be asked from here \(.*certificate verify failed"):
        ask("mirror.site/ml/trainer:1")
    monkeypatch.setenv(variable, authority)
    assert ask("mirror.site/ml/trainer:1").digest == digest


def test_a_proxy_that_leads_nowhere_proves_nothing(mirror):
    with pytest.raises(NoAnswer, match=r"registry other.site can't be asked from here \(.*502"):
        ask("other.site/ml/trainer:1")
