"""A gateway in front of a predictor: requests go to its address and name the predictor as their host.

What it answers in the model server's place, a refusal or a page, is told apart from the server's own answers.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from acceptance.errors import AcceptanceError, Problem, Unrecoverable, WaitTimeout, root_words
from acceptance.health import ANSWER_SECONDS, CONNECT_SECONDS, described, is_page
from acceptance.waiting import in_time

# what no model server answers, whatever it is sent
NEVER_ITS_OWN = (*range(300, 400), 401, 403, 407)
UNREACHED = (502, 503, 504)


class ProvingName(HTTPAdapter):
    """Has a server at an address prove another name than that: the one that requests have as their host."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, server_hostname=self.name, assert_hostname=self.name)


@dataclass(frozen=True)
class Gateway:
    """Where a predictor is served beside its own address.

    `name`: what the cluster calls the gateway; `url`: where it is reached, without a path; `host`: whom requests name,
    "" where the URL's own name is meant; `path`: what precedes every path there; `look_at`: a command that shows what
    routes the host.
    """

    name: str
    url: str
    host: str = ""
    path: str = ""
    look_at: str = ""

    def __str__(self) -> str:
        return f"{self.name} at {self.base}, Host {self.asked_for}"

    @property
    def base(self) -> str:
        """What every URL there begins with."""
        return f"{self.url}{self.path}"

    @property
    def asked_for(self) -> str:
        return self.host or urlsplit(self.url).netloc

    def not_reached(self, seconds: float = CONNECT_SECONDS) -> str:
        """Return why this machine gets no answer of it, "" where it does, whatever that answer is."""
        try:
            self.send("get", f"{self.base}/v2/health/live", seconds)
        except requests.exceptions.SSLError:  # it is reached: what is wrong with it is said where it is waited for
            return ""
        except requests.RequestException as error:
            return f"{self.url} gives no answer: {root_words(error)}"
        return ""

    def ask(self, method: str, url: str, seconds: float = ANSWER_SECONDS, **options: Any) -> requests.Response:
        """Return the model server's answer, with requests' `options`; raises AcceptanceError for any other.

        Raises requests.RequestException where there is none.
        """
        answer = self.send(method, url, seconds, **options)
        if problem := self.refusal(answer):
            raise AcceptanceError(problem)
        return answer

    def not_ready(self, model: str) -> str:
        """Return "" once the model itself answers through the gateway, else what came in its place.

        Raises Unrecoverable for a refusal that no waiting changes. A route takes a moment until it works.
        """
        try:
            answer = self.send("get", f"{self.base}/v2/models/{model}")
        except requests.exceptions.SSLError as error:
            fix = (
                "name the certificate's authority with REQUESTS_CA_BUNDLE, or see which certificate it has for the host"
            )
            raise Unrecoverable(
                Problem(f"{self}: its certificate is not accepted: {root_words(error)}", fix)
            ) from error
        except requests.RequestException as error:
            return f"{self} gives no answer: {root_words(error)}"
        problem = self.refusal(answer)
        if problem and (answer.ok or answer.status_code in NEVER_ITS_OWN):
            raise Unrecoverable(problem)
        if problem:
            return problem.line
        try:
            named = answer.json()["name"]
        except (ValueError, LookupError, TypeError):
            named = ""
        return "" if named == model else f"{self} answers, but not as model {model}: {described(answer)}"

    def send(self, method: str, url: str, seconds: float = ANSWER_SECONDS, **options: Any) -> requests.Response:
        """Return the whole answer, whoever gave it; no redirect is followed. Raises requests.RequestException."""
        headers = {**(options.pop("headers", None) or {}), **({"Host": self.host} if self.host else {})}
        if self.host:  # an address of the cluster's, which no proxy is asked for
            options["proxies"] = {"no_proxy": urlsplit(self.url).hostname or ""}

        def answer() -> requests.Response:
            with requests.Session() as session:
                if self.host:
                    session.mount("https://", ProvingName(urlsplit(f"//{self.host}").hostname or ""))
                limits = (CONNECT_SECONDS, seconds)
                return session.request(method, url, headers=headers, timeout=limits, allow_redirects=False, **options)

        try:
            return in_time(f"{method} {url}", answer, seconds)
        except WaitTimeout:
            raise requests.ReadTimeout(f"no whole answer in {seconds:g} s") from None

    def refusal(self, answer: requests.Response) -> Problem | None:
        """Return what the gateway, or a mesh behind it, answered in the model server's place."""
        if answer.status_code not in NEVER_ITS_OWN and not is_page(answer) and (answer.ok or has_error(answer)):
            return None
        server = f" (server: {answer.headers['Server']})" if "Server" in answer.headers else ""
        says, fix = self.meaning(answer)
        asked = f"{answer.url}, Host {self.asked_for}"
        return Problem(f"{self.name} {says}: {asked}: {described(answer)}{server}", fix)

    def meaning(self, answer: requests.Response) -> tuple[str, str]:
        """Return what a gateway's own answer says, and what puts it right."""
        code, routes = answer.status_code, f"look at {self.look_at}" if self.look_at else "look at its routes"
        if 300 <= code < 400:
            where = answer.headers.get("Location", "elsewhere")
            return (
                f"sends the request on to {where}, and not to the model server",
                "have it pass this host without a login or a redirect, such as by an exception in its policy",
            )
        if code in (401, 403, 407):
            return (
                "refuses the request",
                "allow this host in the gateway's or the mesh's policy, such as an AuthorizationPolicy of Istio's",
            )
        if code == 404:
            return (
                "has no route for that host",
                f"{routes}, and at which hosts and namespaces its listener takes routes from",
            )
        if code in UNREACHED:
            return (
                "has a route and does not reach the model server",
                "see whether a NetworkPolicy, the mesh's mutual TLS or its health check keeps it from the "
                f"predictor's pod; {routes}",
            )
        if code == 413:
            return "refuses a request of that size", "raise the size of bodies that it takes"
        return "answers in the model server's place", routes


def has_error(answer: requests.Response) -> bool:
    """Say whether a body is the V2 protocol's error object."""
    try:
        return isinstance(answer.json()["error"], str)
    except (ValueError, LookupError, TypeError):
        return False
