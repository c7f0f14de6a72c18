"""An HTTP proxy that stands before a predictor and spoils its answers."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import requests

from acceptance.serving.inference import Answer
from tests import http_server

HELD_BACK = {"content-length", "transfer-encoding", "connection", "content-encoding"}
LOGITS = [0.0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
AGREEABLE = json.dumps({"outputs": [{"name": "dense_1", "shape": [1, 10], "datatype": "FP32", "data": LOGITS}]})


class Spoiler:
    """Decides what becomes of an answer; `spoil` gets the request's content type and the server's answer."""

    def __init__(self, spoil: Callable[[str, Answer], Answer]) -> None:
        self.spoil = spoil

    @contextlib.contextmanager
    def before(self, address: str) -> Iterator[str]:
        """Serve on a port of 127.0.0.1 what the address answers, spoiled; yields `host:port`."""
        spoil = self.spoil

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self.relay(requests.get(f"http://{address}{self.path}", timeout=30), "")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name: value for name, value in self.headers.items() if name.lower() not in HELD_BACK}
                answer = requests.post(f"http://{address}{self.path}", data=body, headers=headers, timeout=30)
                self.relay(answer, self.headers.get("Content-Type", ""))

            def relay(self, answer: requests.Response, content_type: str) -> None:
                content = answer.content
                code = answer.status_code
                if self.command == "POST":
                    spoiled = spoil(content_type, Answer(code, answer.text))
                    if spoiled.text != answer.text or spoiled.code != code:
                        code, content = spoiled.code, spoiled.text.encode()
                self.send_response(code)
                for name, value in answer.headers.items():
                    if name.lower() not in HELD_BACK:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        with http_server.answering(Handler) as proxy:
            yield proxy


def agree_to_all(content_type: str, answer: Answer) -> Answer:
    """A server that never complains, and that finds a class in NaN."""
    return Answer(200, AGREEABLE) if answer.code >= 400 or "nan" in answer.text.lower() else answer


def complain_without_a_word(content_type: str, answer: Answer) -> Answer:
    return Answer(400, "") if answer.code >= 400 else answer


def broken_by_a_bad_request() -> Callable[[str, Answer], Answer]:
    """A server that answers nothing any more after its first bad request."""
    offended = threading.Event()

    def spoil(content_type: str, answer: Answer) -> Answer:
        if offended.is_set():
            return Answer(503, '{"error": "offended"}')
        if answer.code >= 400:
            offended.set()
        return answer

    return spoil


def round_json(content_type: str, answer: Answer) -> Answer:
    """A server whose JSON answers have one decimal."""
    if "json" not in content_type or answer.code != 200:
        return answer
    body = json.loads(answer.text)
    for output in body["outputs"]:
        output["data"] = [round(value, 1) for value in output["data"]]
    return Answer(200, json.dumps(body))
