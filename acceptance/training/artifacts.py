"""MLflow's artifacts, put and got by their paths: MLflow's own client would fetch whole folders."""

from collections.abc import Callable
from typing import BinaryIO

import requests

from acceptance.errors import AcceptanceError, root_words
from acceptance.health import described, is_page
from acceptance.waiting import in_time

PATH = "api/2.0/mlflow-artifacts/artifacts"
CONNECT_SECONDS = 10
# until it answers: MLflow copies what it was sent before it does, and sends what it has at once
ANSWER_SECONDS = {"put": 120, "get": 25, "delete": 25}
# for the whole answer, whose pieces may come one by one; a put sends the data set
WHOLE_SECONDS = {"put": 600, "get": 60, "delete": 60}
TRIES = 3


class ArtifactClient:
    """The artifacts of an MLflow server; `check` raises when it answers no more, or what it needs has died.

    What a cut connection broke off is tried again: a port-forward that was cut carries the next one.
    """

    def __init__(self, tracking_uri: str, check: Callable[[], None]) -> None:
        self.tracking_uri, self.check = tracking_uri, check

    def put(self, artifact: str, content: BinaryIO) -> None:
        self.request("put", artifact, content)

    def get(self, artifact: str) -> bytes:
        return self.request("get", artifact).content

    def delete(self, artifact: str) -> None:
        self.request("delete", artifact, tries=1)  # one that was cut off may have deleted it

    def request(
        self, method: str, artifact: str, content: BinaryIO | None = None, tries: int = TRIES
    ) -> requests.Response:
        """Send one request; raises AcceptanceError with MLflow's own words."""
        url = f"{self.tracking_uri}/{PATH}/{artifact}"
        timeout = CONNECT_SECONDS, ANSWER_SECONDS[method]

        def send() -> requests.Response:
            return requests.request(method, url, timeout=timeout, data=content, allow_redirects=False)

        try:
            answer = in_time(f"{method} {artifact} of the run's MLflow", send, WHOLE_SECONDS[method], self.check)
            answer.raise_for_status()
            if not is_page(answer) and answer.status_code not in range(300, 400):
                return answer
            raise AcceptanceError(
                f"{method} {artifact}, an artifact of the run's MLflow at {self.tracking_uri}: something else answers "
                f"there: {described(answer)}"
            )
        except requests.RequestException as error:
            self.check()
            cut = isinstance(error, requests.ConnectionError | requests.exceptions.ChunkedEncodingError)
            if not cut or tries == 1:
                words = root_words(error) if error.response is None else described(error.response)
                raise AcceptanceError(f"{method} {artifact}, an artifact of the run's MLflow: {words}") from error
        if content:
            content.seek(0)
        return self.request(method, artifact, content, tries - 1)
