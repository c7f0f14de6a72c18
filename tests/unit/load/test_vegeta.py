"""vegeta itself, against a small server of this test's own: every result comes back."""

import dataclasses
import itertools
import json
import re
import subprocess
import threading
from http.server import BaseHTTPRequestHandler

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from acceptance.errors import AcceptanceError
from acceptance.load import vegeta
from acceptance.load.result import LoadPlan
from acceptance.report import measured
from tests import http_server

STALL_SECONDS = 1.0


@pytest.fixture
def server():
    """A server that counts bodies and fails the first five requests.

    Not later ones: vegeta sends a few more than the plan has, and those must not take a failure with them.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        bodies: list[bytes] = []  # noqa: RUF012
        clients: list[tuple[str, int]] = []  # noqa: RUF012
        numbers = itertools.count(1)

        def do_POST(self):
            self.clients.append(self.client_address)
            self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            number = next(self.numbers)
            answer = f'an answer, "{number}"'.encode()
            self.send_response(500 if number <= 5 else 200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    with http_server.answering(Handler) as address:
        yield address, Handler


def attack(url, folder, plan, *options):
    target, results, table = folder / "target.json", folder / "results.bin", folder / "results.csv"
    program = vegeta.find_vegeta()
    target.write_text(vegeta.target(url, plan))
    subprocess.run([program, *vegeta.attack_arguments(target, results, plan), *options], check=True, timeout=60)
    subprocess.run([program, *vegeta.encode_arguments(results, table)], check=True, timeout=60)
    return table


def test_every_result_comes_back_in_the_order_of_sending(server, tmp_path):
    address, handler = server
    plan = LoadPlan(50, 1, b'{"inputs": "some, \\"quoted\\" text"}')
    result = vegeta.read_table(attack(f"http://{address}/", tmp_path, plan), plan)
    assert len(result) == 50
    assert set(handler.bodies) == {plan.body}
    assert result.success == pytest.approx(0.9)
    assert (result.sent[1:] >= result.sent[:-1]).all()
    assert result.rate_sent == pytest.approx(50, rel=0.1)
    assert (result.waited > 0).all()
    assert "5 x 500" in result.failures()


@pytest.mark.parametrize("new", [True, False])
def test_each_request_has_a_connection_of_its_own_where_the_plan_asks_for_it(server, tmp_path, new):
    address, handler = server
    plan = LoadPlan(50, 1, b"{}", new_connections=new)
    attack(f"http://{address}/", tmp_path, plan)
    assert len(handler.clients) >= 50
    assert (len(set(handler.clients)) == len(handler.clients)) is new


def test_what_was_sent_beyond_the_plan_is_left_out_and_what_is_missing_stays_missing(tmp_path):
    table = tmp_path / "results.csv"
    rows = [f"{1_700_000_000_000_000_000 + number},200,{number + 1},1,1,,,x,0,POST,http://h," for number in range(5)]
    table.write_text("\n".join(reversed(rows)) + "\n")
    assert len(vegeta.read_table(table, LoadPlan(3, 1, b""))) == 3
    assert vegeta.read_table(table, LoadPlan(3, 1, b"")).sent[-1] == pytest.approx(2e-9)
    assert "5 requests were sent of the 9 asked for" in vegeta.read_table(table, LoadPlan(9, 1, b"")).invalid()


class Stalling(BaseHTTPRequestHandler):
    """Answers at once, but stands still for a second at the fiftieth request."""

    protocol_version = "HTTP/1.1"
    turn = threading.Lock()
    seen = itertools.count(1)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        with self.turn:
            if next(self.seen) == 50:
                threading.Event().wait(STALL_SECONDS)
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()


def test_times_from_sending_are_vegetas_own_and_a_stall_counts_for_whoever_was_to_be_sent_in_it(tmp_path):
    """Coordinated omission: with ten connections, vegeta itself counts the stall for ten requests of a hundred."""
    plan = LoadPlan(100, 3, b"{}")  # with time to catch up after the stall
    with http_server.answering(Stalling) as address:
        table = attack(f"http://{address}/", tmp_path, plan, "-max-workers=10")
    words = [vegeta.find_vegeta(), "report", "-type=json", tmp_path / "results.bin"]
    said = json.loads(subprocess.run(words, check=True, timeout=60, capture_output=True).stdout)
    own = {name: nanoseconds / 1e9 for name, nanoseconds in said["latencies"].items()}
    # what was sent after the plan's end is in vegeta's report as well
    result = vegeta.read_table(table, LoadPlan(plan.rate, plan.duration + 1, plan.body))
    assert len(result) == said["requests"] > plan.requests
    for name, figure in (("min", result.waited.min()), ("max", result.waited.max()), ("mean", result.waited.mean())):
        assert figure == pytest.approx(own[name], rel=1e-6), name
    for percent in (50, 90, 95, 99):  # which vegeta estimates
        low, high = np.percentile(result.waited, [max(percent - 2, 0), min(percent + 2, 100)], method="nearest")
        assert low <= own[f"{percent}th"] <= high
    assert (result.latencies >= result.waited).all()
    assert own["90th"] < 0.1 < STALL_SECONDS / 2 < result.percentile(90)


def test_one_answer_in_a_hundred_is_kept_of_those_that_succeeded(server, tmp_path):
    address, _ = server
    plan = LoadPlan(301, 1, b"{}")
    result = vegeta.read_table(attack(f"http://{address}/", tmp_path, plan), plan)
    kept = [number for number in range(0, 301, 100) if result.codes[number] == 200]
    assert len(result.answers) == len(kept) > 0
    assert all(re.fullmatch(r'an answer, "\d+"', text) for text in result.answers)


def test_a_server_that_is_not_there_fails_every_request(tmp_path):
    plan = LoadPlan(20, 1, b"{}")
    result = vegeta.read_table(attack("http://127.0.0.1:9/", tmp_path, plan), plan)
    assert len(result) == 20
    assert result.success == 0
    assert "connection refused" in result.failures()


def test_a_table_cut_short_is_an_error_that_names_the_line(tmp_path):
    table = tmp_path / "results.csv"
    table.write_text("1700000000000000000,200,1000,1,1,,,x,0,POST,http://h,\n1700000000,20")
    with pytest.raises(AcceptanceError, match="line 2"):
        vegeta.read_table(table, LoadPlan(1, 1, b""))


ROW = b"1700000000000000000,200,1000,1,1,,,x,0,POST,http://h,\n"
NUMBERS = st.from_regex(rb"-?[0-9]{0,30},[0-9]*,-?[0-9]*,,,\n")


@settings(max_examples=300, deadline=None)
@given(pieces=st.lists(st.just(ROW) | st.binary(max_size=80) | NUMBERS, max_size=6))
@example(pieces=[b"9" * 40 + b",200,1,1,1,\n"])
@example(pieces=[b'1,200,1,1,1,"' + b"x" * 200_000 + b'"\n'])
@example(pieces=[b"1,200,1,1,1,\x00\xff\n"])
def test_whatever_is_in_a_table_it_is_a_result_or_a_clear_error(tmp_path_factory, pieces):
    table = tmp_path_factory.getbasetemp() / "fuzzed.csv"
    table.write_bytes(b"".join(pieces))
    try:
        result = vegeta.read_table(table, LoadPlan(600, 2, b""))
    except AcceptanceError:
        return
    json.dumps(dataclasses.asdict(measured.load("cpu", result)), allow_nan=False)


def test_no_vegeta_is_an_error_with_the_fix(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(AcceptanceError, match="make setup"):
        vegeta.find_vegeta(str(tmp_path / "python"))


def test_the_vegeta_beside_the_interpreter_comes_before_that_of_the_path(monkeypatch, tmp_path):
    for folder in ("venv", "path"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "vegeta").write_text("#!/bin/sh\n")
        (tmp_path / folder / "vegeta").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    assert vegeta.find_vegeta(str(tmp_path / "venv" / "python")) == tmp_path / "venv" / "vegeta"
    assert vegeta.find_vegeta(str(tmp_path / "python")) == tmp_path / "path" / "vegeta"
