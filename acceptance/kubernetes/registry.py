"""Asks a registry of an image by the OCI distribution API: which digest it has, and for which architectures it is."""

import hashlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.utils import parse_dict_header

from acceptance.errors import AcceptanceError, Problem, WaitTimeout, root_words
from acceptance.health import described, is_page
from acceptance.images import split
from acceptance.login import Login
from acceptance.waiting import in_time

# to connect, and for each piece of an answer; then for all about one image, which takes four requests at most
REQUEST_SECONDS = (3.0, 5.0)
SECONDS = 10.0
TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
# https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes, and Harbor's
UNKNOWN = ("MANIFEST_UNKNOWN", "NAME_UNKNOWN", "NOT_FOUND")
# an image without a registry's name is Docker Hub's, whose API has another name
DOCKER_HUB, DOCKER_HUB_API = "docker.io", "registry-1.docker.io"


class NotThere(AcceptanceError):
    """The registry says that it has no such image."""


class LoginRefused(AcceptanceError):
    """The registry lets nobody have the image without a login, or not by the login that there is."""


class NoAnswer(AcceptanceError):
    """The registry can't be reached from here, or says nothing of the image; the nodes may well have it from there."""


@dataclass(frozen=True)
class Found:
    """The image's digest, and the architectures that it is for on Linux."""

    digest: str
    architectures: frozenset[str]


@dataclass(frozen=True)
class Reference:
    """Where an image is: its registry's host, its repository there, and its digest, or its tag where it has none."""

    host: str
    repository: str
    reference: str

    def __str__(self) -> str:
        return f"{self.host}/{self.repository}{'@' if ':' in self.reference else ':'}{self.reference}"


def read_reference(image: str) -> Reference:
    """Return what the kubelet makes of an image's name."""
    host, rest = split(image)
    named, _, digest = rest.partition("@")
    path, colon, tag = named.rpartition(":")
    repository = path if colon else named
    host = DOCKER_HUB if host in ("", "index.docker.io") else host
    if host == DOCKER_HUB and "/" not in repository:
        repository = f"library/{repository}"
    return Reference(host, repository, digest or (tag if colon else "latest"))


def ask(image: str, login: Login | None = None, seconds: float = SECONDS) -> Found:
    """Return what its registry has of an image; raises NotThere, LoginRefused or NoAnswer."""
    where = read_reference(image)
    try:
        return in_time(f"asking {where.host} for {image}", lambda: find(where, login), seconds)
    except WaitTimeout:
        raise NoAnswer(f"registry {where.host} gives no answer in {seconds:.0f} s") from None
    except (requests.RequestException, ValueError, LookupError, TypeError, AttributeError) as error:
        raise NoAnswer(f"registry {where.host} can't be asked from here ({root_words(error)})") from error


def find(where: Reference, login: Login | None) -> Found:
    with requests.Session() as http:
        http.mount("https://", SystemTrust())
        return Repository(where, login, http).find()


class Repository:
    """The repository of an image, with the login that the registry has asked for by then."""

    def __init__(self, where: Reference, login: Login | None, http: requests.Session) -> None:
        self.where, self.login, self.http, self.authorization = where, login, http, ""
        api = DOCKER_HUB_API if where.host == DOCKER_HUB else where.host
        self.url = f"{'http' if is_here(where.host) else 'https'}://{api}/v2/{where.repository}"

    def find(self) -> Found:
        answer = self.get(f"manifests/{self.where.reference}", ", ".join(TYPES))
        manifest = answer.json()
        pinned = self.where.reference if ":" in self.where.reference else ""
        digest = pinned or f"sha256:{hashlib.sha256(answer.content).hexdigest()}"
        if "manifests" in manifest:
            platforms = [one.get("platform", {}) for one in manifest["manifests"]]
        else:
            platforms = [self.get(f"blobs/{manifest['config']['digest']}").json()]
        found = {one["architecture"] for one in platforms if one.get("os") == "linux"}
        return Found(digest, frozenset(found))

    def get(self, what: str, accept: str = "*/*") -> requests.Response:
        """Return the answer of 200 to a request, with a login where it is asked for."""
        answer = self.send(f"{self.url}/{what}", self.authorization, accept)
        if answer.status_code == 401 and not self.authorization:
            self.authorization = self.log_in(answer)
            answer = self.send(f"{self.url}/{what}", self.authorization, accept)
        if answer.status_code != 200 or is_page(answer):
            raise self.failure(answer)
        return answer

    def log_in(self, answer: requests.Response) -> str:
        """Return the authorization that a refusal asks for: the login itself, or a token that is had for it."""
        kind, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        if kind.lower() == "basic" and self.login:
            return self.login.basic
        if kind.lower() != "bearer":
            raise self.failure(answer)
        challenge = parse_dict_header(rest)
        realm = urlsplit(challenge["realm"])
        if realm.scheme != "https" and not is_here(realm.netloc):
            raise NoAnswer(f"registry {self.where.host} wants a login without TLS, at {realm.netloc}")
        query = {"scope": challenge.get("scope") or f"repository:{self.where.repository}:pull"}
        query |= {"service": challenge["service"]} if "service" in challenge else {}
        given = self.send(challenge["realm"], self.login.basic if self.login else "", query=query)
        if given.status_code != 200:
            raise self.failure(given)
        said = given.json()
        return f"Bearer {said.get('token') or said['access_token']}"

    def send(self, url: str, authorization: str, accept: str = "*/*", query: Any = None) -> requests.Response:
        # by a function of our own: else requests takes an account of ~/.netrc
        return self.http.get(
            url, auth=bearing(authorization), headers={"Accept": accept}, params=query, timeout=REQUEST_SECONDS
        )

    def failure(self, answer: requests.Response) -> AcceptanceError:
        where, said = self.where.host, described(answer)
        if answer.status_code in (401, 403) and not is_page(answer):
            return LoginRefused(said)
        if answer.status_code == 404 and any(code in UNKNOWN for code in error_codes(answer)):
            fix = "copy it there with its digest, or name another with `--images FILE`"
            return NotThere(Problem(f"registry {where} has no {self.where}", fix))
        return NoAnswer(f"registry {where} does not say: {said}")


class SystemTrust(HTTPAdapter):
    """Trusts the system's certificate authorities besides those of requests, or of REQUESTS_CA_BUNDLE."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, ssl_context=ssl.create_default_context())

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        return super().proxy_manager_for(proxy, **options, ssl_context=ssl.create_default_context())


def bearing(authorization: str) -> Callable[[requests.PreparedRequest], requests.PreparedRequest]:
    def bear(request: requests.PreparedRequest) -> requests.PreparedRequest:
        if authorization:
            request.headers["Authorization"] = authorization
        return request

    return bear


def error_codes(answer: requests.Response) -> list[str]:
    """Return the codes of an answer in the API's own form, none of any other's."""
    try:
        return [one["code"] for one in answer.json()["errors"]]
    except (ValueError, LookupError, TypeError):
        return []


def is_here(host: str) -> bool:
    """Say whether a host, with its port or without, is this machine, where containers' tools take plain HTTP too."""
    name = urlsplit(f"//{host}").hostname or ""
    return name in ("localhost", "::1") or name.startswith("127.")
