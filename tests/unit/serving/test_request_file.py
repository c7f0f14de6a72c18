"""A user's own request file, looked at before anything starts."""

import json

import pytest

from acceptance.serving.request_file import problem_with
from tests.unit.problems import assert_problem

INPUT = {"name": "conv2d_input", "shape": [1], "datatype": "FP32", "data": [0.5]}
WHOLE = json.dumps({"inputs": [INPUT]})


def test_a_request_of_the_protocol_is_taken(tmp_path):
    file = tmp_path / "data-keras.json"
    file.write_text(WHOLE)
    assert_problem(problem_with(file))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{", "Expecting property name"),
        (b"[" * 100_000, "recursion"),
        (b"5", "it has no list of inputs"),
        (b"[]", "it has no list of inputs"),
        (b"{}", "it has no list of inputs"),
        (b'{"inputs": []}', "it has no list of inputs"),
        (b'{"inputs": 5}', "it has no list of inputs"),
        (b'{"inputs": "deer"}', "it has no list of inputs"),
        (b'{"inputs": ["deer"]}', "its input 1 lacks name, shape, datatype, data"),
        (json.dumps({"inputs": [INPUT, {"name": "x", "data": [1]}]}).encode(), "its input 2 lacks shape, datatype"),
        (WHOLE.encode("utf-16"), "can't decode byte"),
        (WHOLE.encode("utf-8-sig"), "UTF-8 BOM"),
    ],
)
def test_what_is_no_request_is_named_with_what_one_looks_like(tmp_path, content, words):
    file = tmp_path / "request.json"
    file.write_bytes(content)
    assert_problem(problem_with(file), f"--request {file}", words, '{"inputs": [{"name": ..., "shape"')


def test_a_request_that_would_fill_the_memory_is_not_read(tmp_path):
    file = tmp_path / "request.json"
    with file.open("wb") as sparse:
        sparse.truncate(1 << 40)
    assert_problem(problem_with(file), str(file), "1,099,511,627,776 bytes", "67,108,864")


def test_a_request_that_is_gone_is_named(tmp_path):
    assert_problem(problem_with(tmp_path / "none.json"), f"--request {tmp_path / 'none.json'}", "No such file")
