"""A registry that is made up: it answers as the OCI distribution and Docker's token specifications say."""

import base64
import contextlib
import hashlib
import json
import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests import http_server

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
TOKEN = "a-token-of-the-registry"  # noqa: S105
CODES = {401: "UNAUTHORIZED", 403: "DENIED", 404: "MANIFEST_UNKNOWN"}


class MadeUpRegistry:
    """`login` is "", "Basic" or "Bearer"; then `account` may come in, and who is nobody where `anybody`.

    `answers` are what it says to a path in the place of its own, with a type; `asked` are the paths that it was asked
    for, and `shown` the authorizations by which.
    """

    def __init__(self, login: str = "", account: tuple[str, str] = ("ann", "very-secret-word")) -> None:
        self.login, self.anybody, self.host = login, False, ""
        self.basic = "Basic " + base64.b64encode(":".join(account).encode()).decode()
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.blobs: dict[str, bytes] = {}
        self.answers: dict[str, tuple[int, str, bytes]] = {}
        self.scopes: set[str] = set()
        self.asked: list[str] = []
        self.shown: list[str] = []

    def put_index(self, name: str, *architectures: str) -> str:
        """Keep an image of several architectures, with an attestation beside each, as BuildKit makes it."""
        platforms = [{"os": "linux", "architecture": one} for one in architectures]
        entries = [*platforms, {"os": "unknown", "architecture": "unknown"}]
        return self.keep(name, INDEX, {"manifests": [{"platform": one} for one in entries]})

    def put_single(self, name: str, architecture: str) -> str:
        """Keep an image of one architecture, which its configuration tells."""
        config = json.dumps({"os": "linux", "architecture": architecture}).encode()
        digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
        self.blobs[f"/v2/{name.partition(':')[0]}/blobs/{digest}"] = config
        return self.keep(name, MANIFEST, {"config": {"digest": digest}})

    def keep(self, name: str, kind: str, manifest: Any) -> str:
        """Keep an image by its tag and by its digest, which is returned."""
        content = json.dumps({"schemaVersion": 2, "mediaType": kind, **manifest}).encode()
        repository, _, tag = name.partition(":")
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        for reference in (tag, digest):
            self.manifests[f"/v2/{repository}/manifests/{reference}"] = kind, content
        return digest

    def answer(self, url: str, authorization: str, accept: str) -> tuple[int, dict[str, str], bytes]:
        path, query = urlsplit(url).path, parse_qs(urlsplit(url).query)
        self.asked.append(path)
        self.shown.append(authorization)
        if path in self.answers:
            code, kind, body = self.answers[path]
            return code, {"Content-Type": kind}, body
        if path == "/token":
            if self.basic != authorization and not (self.anybody and not authorization):
                return self.error(401)
            right = query["service"] == ["made up"] and set(query["scope"]) <= self.scopes
            return (200, {}, json.dumps({"token": TOKEN}).encode()) if right else self.error(400)
        if self.login and authorization != {"Basic": self.basic, "Bearer": f"Bearer {TOKEN}"}[self.login]:
            code, headers, body = self.error(401)
            return code, headers | {"WWW-Authenticate": self.challenge(path)}, body
        if path in self.blobs:
            return 200, {"Content-Type": "application/octet-stream"}, self.blobs[path]
        kind, content = self.manifests.get(path, ("", b""))
        return (200, {"Content-Type": kind}, content) if kind and kind in accept else self.error(404)

    def challenge(self, path: str) -> str:
        """Return how to log in for a path: with the account itself, or for a token of its repository."""
        if self.login == "Basic":
            return 'Basic realm="made up"'
        repository = path.removeprefix("/v2/").partition("/manifests/")[0].partition("/blobs/")[0]
        self.scopes.add(scope := f"repository:{repository}:pull")
        return f'Bearer realm="http://{self.host}/token",service="made up",scope="{scope}"'

    def error(self, code: int) -> tuple[int, dict[str, str], bytes]:
        body = {"errors": [{"code": CODES.get(code, "UNSUPPORTED"), "message": "it is made up"}]}
        return code, {"Content-Type": "application/json"}, json.dumps(body).encode()


@contextlib.contextmanager
def running(registry: MadeUpRegistry, tls: ssl.SSLContext | None = None) -> Iterator[MadeUpRegistry]:
    """Have the registry answer at its host until the context ends."""

    class Handler(BaseHTTPRequestHandler):
        def setup(self) -> None:
            if tls:
                self.request = tls.wrap_socket(self.request, server_side=True)
            super().setup()

        def do_GET(self) -> None:
            given = self.headers.get("Authorization", ""), self.headers.get("Accept", "")
            code, headers, body = registry.answer(self.path, *given)
            self.send_response(code)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    with http_server.answering(Handler) as registry.host:
        yield registry
