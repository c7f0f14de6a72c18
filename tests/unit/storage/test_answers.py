"""Contract tests: what stores answer that no MinIO here can be brought to, each with its cause and its fix."""

import contextlib
import re
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs, urlsplit

import pytest

from acceptance.errors import AcceptanceError
from acceptance.storage.bucket import Bucket
from acceptance.storage.checks import SLOW_SECONDS, look_at, try_out
from acceptance.storage.location import Location
from tests import http_server

PLACE = Location("models", "run-1")
# the answer to a request: its status, and its body
Answer = tuple[int, str]


def error(status: int, code: str, message: str = "as it says") -> Answer:
    return status, f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{message}</Message></Error>"


class Asked:
    """What a store was asked: its method, its query's names, and its headers."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self.method = handler.command
        self.query = set(parse_qs(urlsplit(handler.path).query, keep_blank_values=True))
        self.path = urlsplit(handler.path).path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}


@pytest.fixture
def store(monkeypatch, tmp_path):
    """Have requests answered by a function; returns what was asked."""
    with contextlib.ExitStack() as servers:

        def serve(answer: Callable[[Asked], Answer]) -> list[Asked]:
            asked: list[Asked] = []

            class Handler(BaseHTTPRequestHandler):
                protocol_version = "HTTP/1.1"

                def respond(self) -> None:
                    self.rfile.read(int(self.headers.get("Content-Length", 0)))
                    asked.append(Asked(self))
                    status, body = answer(asked[-1])
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(body)))
                    self.send_header("ETag", '"7"')
                    self.end_headers()
                    if self.command != "HEAD":
                        self.wfile.write(body.encode())

            methods = dict.fromkeys(("do_GET", "do_PUT", "do_POST", "do_DELETE", "do_HEAD"), Handler.respond)
            address = servers.enter_context(http_server.answering(type("Handler", (Handler,), methods)))
            given = {
                "AWS_ENDPOINT_URL_S3": f"http://{address}",
                "AWS_ACCESS_KEY_ID": "me",
                "AWS_SECRET_ACCESS_KEY": "x" * 20,
                "AWS_DEFAULT_REGION": "eu-west-1",
                "AWS_MAX_ATTEMPTS": "1",
                "HOME": str(tmp_path),
            }
            for name, value in given.items():
                monkeypatch.setenv(name, value)
            return asked

        yield serve


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error(403, "AccessDenied"), "the account may not.*docs/storage.md"),
        (error(403, "RequestTimeTooSkewed"), "clock.*apart.*NTP"),
        (error(403, "ExpiredToken"), "has expired.*log in"),
        (error(400, "InvalidToken"), "session's token"),
        (error(400, "AuthorizationHeaderMalformed", "expecting 'us-west-2'"), "us-west-2.*AWS_DEFAULT_REGION"),
        (error(409, "NobodyKnows", "its own words"), "refuses it.*HTTP 409, NobodyKnows: its own words"),
        ((404, "<html>not here</html>"), "HTTP 404"),
    ],
)
def test_what_keeps_a_run_from_listing_is_named_with_its_fix(store, answer, words):
    store(lambda asked: answer)
    with pytest.raises(AcceptanceError, match=re.compile(f"s3://models/run-1: listing: .*{words}", re.DOTALL)):
        look_at(PLACE)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (error(403, "AccessDenied"), "the account may not.*docs/storage.md"),
        (error(400, "KMS.DisabledException"), "KMS key is disabled"),
        (error(507, "XMinioStorageFull"), "it is full.*--store"),
        (error(409, "QuotaExceeded"), "it is full.*--store"),
    ],
)
def test_what_keeps_a_run_from_writing_is_named_with_its_fix(store, answer, words):
    store(lambda asked: answer)
    with pytest.raises(AcceptanceError, match=rf"s3://models/run-1: writing 1 bytes: .*{words}"):
        Bucket(PLACE).put("a", b"1")


def test_a_console_in_the_stores_place_is_named(store):
    store(lambda asked: (200, "<html><body>Sign in</body></html>"))
    with pytest.raises(AcceptanceError, match=r"s3://models/run-1: .*no S3.*console.*AWS_ENDPOINT_URL_S3"):
        look_at(PLACE)


def test_a_store_that_refuses_todays_checksums_gets_none_and_that_is_said(store):
    def answer(asked: Asked) -> Answer:
        return error(400, "InvalidArgument") if "x-amz-sdk-checksum-algorithm" in asked.headers else (200, "")

    asked = store(answer)
    bucket = Bucket(PLACE)
    bucket.put("a", b"1")
    bucket.put("b", b"2")
    assert [one.path for one in asked if one.method == "PUT"] == [f"/models/run-1/{name}" for name in "aab"]
    assert "no checksums" in bucket.notes[0]
    assert bucket.variables()["AWS_REQUEST_CHECKSUM_CALCULATION"] == "when_required"


VERSIONS = (
    "<ListVersionsResult><IsTruncated>false</IsTruncated>"
    "<Version><Key>run-1/a</Key><VersionId>null</VersionId></Version></ListVersionsResult>"
)
UPLOADS = (
    "<ListMultipartUploadsResult><IsTruncated>false</IsTruncated>"
    "<Upload><Key>run-1/large</Key><UploadId>7</UploadId></Upload></ListMultipartUploadsResult>"
)


def deleting(at_once: Answer) -> Callable[[Asked], Answer]:
    def answer(asked: Asked) -> Answer:
        if asked.method == "GET":
            return 200, UPLOADS if "uploads" in asked.query else VERSIONS
        return at_once if "delete" in asked.query else (204, "")

    return answer


def test_a_store_that_deletes_one_by_one_only_is_asked_so_and_that_is_said(store):
    asked = store(deleting(error(501, "NotImplemented")))
    bucket = Bucket(PLACE)
    bucket.delete_all()
    deleted = [(one.path, one.query) for one in asked if one.method == "DELETE"]
    assert ("/models/run-1/large", {"uploadId"}) in deleted  # the upload that was never finished
    assert any(path == "/models/run-1/a" for path, _ in deleted)
    assert "one by one" in bucket.notes[0]


def test_more_than_one_page_of_objects_goes(store):
    more = VERSIONS.replace("false", "true").replace("run-1/a", "run-1/b")
    first = more.replace("</ListVersionsResult>", "<NextKeyMarker>run-1/b</NextKeyMarker></ListVersionsResult>")
    usual = deleting((200, "<DeleteResult></DeleteResult>"))

    def answer(asked: Asked) -> Answer:
        return (200, first) if {"versions"} == asked.query & {"versions", "key-marker"} else usual(asked)

    asked = store(answer)
    Bucket(PLACE).delete_all()
    assert sum("delete" in one.query for one in asked) == 2


def test_objects_that_stay_are_named(store):
    kept = (
        "<DeleteResult><Error><Key>run-1/a</Key><Code>AccessDenied</Code><Message>WORM</Message></Error></DeleteResult>"
    )
    store(deleting((200, kept)))
    with pytest.raises(AcceptanceError, match="1 of 1 objects can't be deleted: AccessDenied: WORM"):
        Bucket(PLACE).delete_all()


def read_back_wrongly(asked: Asked) -> Answer:
    """Take what a run writes first, and read something else back."""
    listed = "".join(f"<Contents><Key>run-1/tried/{name}</Key></Contents>" for name in ("small", "large"))
    if asked.method == "GET" and "list-type" in asked.query:
        return 200, f"<ListBucketResult><Name>models</Name>{listed}</ListBucketResult>"
    if "uploads" in asked.query or "uploadId" in asked.query:
        tag = "InitiateMultipartUploadResult" if "uploads" in asked.query else "CompleteMultipartUploadResult"
        return 200, f"<{tag}><UploadId>7</UploadId><ETag>x</ETag></{tag}>" if asked.method == "POST" else ""
    return 200, "" if asked.method == "PUT" else "something else"


def test_a_store_that_answers_something_else_than_was_written_is_named(store):
    store(read_back_wrongly)
    with pytest.raises(AcceptanceError, match="tried/small is read back as something else"):
        try_out(Bucket(PLACE))


def test_a_slow_store_is_used_and_that_it_is_slow_is_said(store):
    def answer(asked: Asked) -> Answer:
        if asked.path.endswith("/small") and asked.method == "PUT":
            time.sleep(SLOW_SECONDS)  # as a proxy that is far away
        return read_back_wrongly(asked)

    store(answer)
    bucket = Bucket(PLACE)
    with pytest.raises(AcceptanceError, match="read back as something else"):
        try_out(bucket)
    (note,) = bucket.notes
    assert re.search(r"is slow: \d+\.\d s to write 17 bytes", note)
