"""What is refused before anything starts: folders that a run can't use, requests that are none."""

import json
from pathlib import Path

import pytest

from acceptance import preflight
from acceptance.errors import BadSetting

INPUT = {"name": "conv2d_input", "shape": [1], "datatype": "FP32", "data": [0.5]}
WHOLE = json.dumps({"inputs": [INPUT]})


def test_a_request_of_the_protocol_is_taken(tmp_path):
    file = tmp_path / "data-keras.json"
    file.write_text(WHOLE)
    preflight.check_request(file)


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
    with pytest.raises(BadSetting) as caught:
        preflight.check_request(file)
    assert f"--request {file}: no V2 JSON request (" in str(caught.value)
    assert words in str(caught.value)
    assert '{"inputs": [{"name": ..., "shape"' in str(caught.value)


def test_a_request_that_would_fill_the_memory_is_not_read(tmp_path):
    file = tmp_path / "request.json"
    with file.open("wb") as sparse:
        sparse.truncate(1 << 40)
    with pytest.raises(BadSetting, match="it has 1,099,511,627,776 bytes; Triton takes 67,108,864"):
        preflight.check_request(file)


@pytest.mark.parametrize("name", ["a%41", "a?b", "a#b"])
def test_a_folder_that_mlflow_would_take_for_another_is_refused(tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    with pytest.raises(BadSetting, match=r"MLflow takes no path with [%?#] in it; name another folder with TMPDIR"):
        preflight.check_folders(tmp_path, Path("/codeset"), {"TMPDIR": str(folder)})


def test_a_checkout_that_mlflow_would_cut_is_refused(tmp_path):
    with pytest.raises(BadSetting, match="/a#b/codeset: MLflow takes no path with # in it; move the checkout"):
        preflight.check_folders(tmp_path, Path("/a#b/codeset"), {"TMPDIR": str(tmp_path)})


def test_folders_that_do_are_taken(tmp_path):
    folder = tmp_path / "with a space"
    folder.mkdir()
    preflight.check_folders(tmp_path, Path("/a%2Fb/codeset"), {"TMPDIR": str(folder)})
