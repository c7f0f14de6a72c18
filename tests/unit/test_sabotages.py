"""The faults of `make sabotage`, which CI doesn't run, have their places in what they break."""

from acceptance.paths import CODESET
from acceptance.serving.repository import PYTHON_MODEL


def test_each_fault_has_its_place(monkeypatch):
    monkeypatch.setenv("SABOTAGE", "")
    from tests.sabotage.broken_stack import SERVERS, TRAINERS

    for name, text, _ in TRAINERS.values():
        assert (CODESET / name).read_text().count(text) == 1, text
    for text, _ in SERVERS.values():
        assert PYTHON_MODEL.read_text().count(text) == 1, text
