"""A measured load: how far it is, and that it went to the server that it was meant for, by the server's own count."""

from http.server import BaseHTTPRequestHandler
from typing import Any

import numpy as np
import pytest

from acceptance.errors import AcceptanceError
from acceptance.load.measured import MOST_SENT, measured_load, progress, sent_in_time
from acceptance.load.result import LoadPlan, LoadResult
from acceptance.serving.endpoint import Endpoint
from acceptance.serving.inference import Answered
from tests import http_server

PLAN = LoadPlan(rate=600, duration=10, body=b"")
BEFORE = Answered(100, 5)
RUN: Any = None


class Counts:
    """What a made-up server's metrics count of the model's answers."""

    succeeded, failed = BEFORE.succeeded, BEFORE.failed


@pytest.fixture
def counts():
    return Counts()


@pytest.fixture
def endpoint(counts):
    """An endpoint whose metrics say the counts."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            for name in ("success", "failure"):
                count = counts.succeeded if name == "success" else counts.failed
                self.wfile.write(f'nv_inference_request_{name}{{model="cifar10"}} {count}\n'.encode())

    with http_server.answering(Handler) as address:
        yield Endpoint("triton-cpu-1", "", "", address, "cifar10", "cpu", RUN)


GONE = Endpoint("triton-cpu-1", "", "", "127.0.0.1:9", "cifar10", "cpu", RUN)


def load(count, incidents=()):
    return LoadResult(PLAN, np.zeros(count), np.zeros(count), np.full(count, 200), [""] * count, incidents)


UNCOUNTED = Endpoint("application", "", "", "", "cifar10", "cpu", RUN)


def test_where_no_metrics_are_reached_a_load_is_sent_and_nothing_counted():
    asked = []

    def attack(progress):
        asked.append(progress())
        return load(600)

    assert measured_load(UNCOUNTED, PLAN, attack).codes.size == 600
    assert asked == ["load"]


def good_load(waited=0.0, stalled=0, code=200, incidents=()):
    """Return a load that went as planned, each answer so many seconds after its request.

    `stalled`: so many requests left late, all at once; `code`: the first answer's.
    """
    count = PLAN.requests
    sent = np.arange(count) / PLAN.rate
    sent[1000 : 1000 + stalled] = sent[1000 + stalled]
    codes = np.where(np.arange(count) == 0, code, 200)
    return LoadResult(PLAN, sent, np.full(count, waited), codes, [""] * count, incidents)


@pytest.mark.parametrize(
    ("now", "words"),
    [
        (Answered(100, 5), "load, 0 of 6,000 requests answered"),
        (Answered(1600, 5), "load, 1,500 of 6,000 requests answered, 100.0% of them well"),
        (Answered(1450, 155), "load, 1,500 of 6,000 requests answered, 90.0% of them well"),
        # another client's requests are in the server's count as well
        (Answered(6200, 5), "load, 6,000 of 6,000 requests answered, 100.0% of them well"),
    ],
)
def test_a_load_says_how_many_requests_were_answered_and_how_well(endpoint, counts, now, words):
    counts.succeeded, counts.failed = now.succeeded, now.failed
    assert progress(endpoint, PLAN, BEFORE) == words


def test_a_load_says_that_the_servers_metrics_do_not_answer():
    assert progress(GONE, PLAN, BEFORE) == "load, the server's metrics do not answer"


def send(counts, answered, incidents=()):
    """Return what sends a load of which the server counts so many answers."""

    def send_it(say):
        counts.succeeded += answered
        return load(600, incidents)

    return send_it


def test_a_load_that_the_server_counted_is_taken(endpoint, counts):
    assert len(measured_load(endpoint, PLAN, send(counts, 600))) == 600


def test_a_load_that_another_server_answered_is_refused(endpoint, counts):
    with pytest.raises(AcceptanceError, match=r"counted 599 answers .* 600 came back"):
        measured_load(endpoint, PLAN, send(counts, 599))


def test_a_server_that_was_restarted_counts_anew(endpoint, counts):
    result = measured_load(endpoint, PLAN, send(counts, -100, ("pod triton-cpu-1-x ended or restarted",)))
    assert result.invalid()[0] == "pod triton-cpu-1-x ended or restarted"


@pytest.mark.parametrize(
    ("sent", "said"),
    [(good_load(), ""), (good_load(waited=0.2), "a compiler runs"), (load(600), "a compiler runs")],
    ids=["a good load", "a slow one", "an INVALID one"],
)
def test_a_load_that_may_be_rejected_says_what_the_machine_is_busy_with(endpoint, counts, sent, said):
    def attack(say):
        counts.succeeded += len(sent)
        return sent

    assert measured_load(endpoint, PLAN, attack, lambda: "a compiler runs").machine == said


LATE = good_load(stalled=600)


@pytest.mark.parametrize(
    ("loads", "sent"),
    [
        ([good_load()], 1),
        ([LATE, good_load()], 2),
        ([LATE, LATE, LATE, good_load()], MOST_SENT),
        ([good_load(waited=2.0), good_load()], 1),
        ([good_load(stalled=600, code=503), good_load()], 1),
        ([good_load(stalled=600, incidents=("the server was restarted",)), good_load()], 1),
        ([load(600), good_load()], 1),
    ],
    ids=["good", "late", "late each time", "a slow server", "late and a failure", "late and a restart", "cut short"],
)
def test_only_a_load_that_left_late_and_nothing_else_is_sent_again(loads, sent):
    left = iter(loads)
    result = sent_in_time(lambda: next(left))
    assert len(loads) - len(list(left)) == sent
    assert result.invalid() == loads[sent - 1].invalid()
    assert len(result.earlier) == sent - 1
    assert all("9.9% of the requests left over 10 ms" in said for said in result.earlier)


def test_a_server_whose_metrics_do_not_answer_is_named():
    with pytest.raises(AcceptanceError, match=r"metrics do not answer before the load"):
        measured_load(GONE, PLAN, lambda say: load(600))
