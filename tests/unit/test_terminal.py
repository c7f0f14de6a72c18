"""What the terminal shows of a long step where it is no terminal: a line now and then, and only what is new."""

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from fixtures import terminal
from fixtures.stacks import common
from fixtures.support.inference import Answered
from fixtures.support.load import LoadPlan
from fixtures.terminal import Terminal


@pytest.fixture
def written(monkeypatch):
    """A terminal of a pytest that writes into a list, and that list."""
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(terminal, "SECONDS_BETWEEN_LINES", 0)
    lines = []
    reporter = SimpleNamespace(
        isatty=False,
        _tw=SimpleNamespace(width_of_current_line=0),
        ensure_newline=lambda: None,
        write_line=lambda text, **markup: lines.append(text),
    )
    capture = SimpleNamespace(global_and_fixture_disabled=contextlib.nullcontext)
    plugins = {"terminalreporter": reporter, "capturemanager": capture}
    config = SimpleNamespace(pluginmanager=SimpleNamespace(get_plugin=plugins.get), get_verbosity=lambda: 0)
    return Terminal(config), lines  # type: ignore[arg-type]


def test_the_same_progress_is_not_written_twice(written):
    shown, lines = written
    for text in ("epoch 1", "epoch 1", "epoch 2", "epoch 2"):
        shown.progress(text)
    assert lines == ["epoch 1", "epoch 2"]


def test_progress_is_not_written_more_often_than_every_15_seconds(written, monkeypatch):
    monkeypatch.setattr(terminal, "SECONDS_BETWEEN_LINES", 15)
    clock = iter([100.0, 110.0, 116.0])
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(clock))
    shown, lines = written
    for text in ("epoch 1", "epoch 2", "epoch 3"):
        shown.progress(text)
    assert lines == ["epoch 1", "epoch 3"]


def test_ci_gets_no_progress_but_every_line(written, monkeypatch):
    shown, lines = written
    shown.quiet = True
    shown.progress("epoch 1")
    shown.result("a run")
    shown.line("Feature")
    assert lines == ["Feature"]


class Long:
    """A plugin whose run has a long step."""

    def pytest_collection(self, session):
        Terminal(session.config).progress("epoch 1")


@pytest.mark.parametrize(("options", "ci", "shown"), [([], "", True), (["-q"], "", False), ([], "1", False)])
def test_q_and_ci_make_progress_quiet(tmp_path, monkeypatch, capsys, options, ci, shown):
    monkeypatch.setenv("CI", ci)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTEST_ADDOPTS", "")
    monkeypatch.chdir(tmp_path)  # where no conftest.py and no options are
    pytest.main([*options, "-p", "no:cacheprovider", str(tmp_path)], plugins=[Long()])
    assert ("epoch 1" in capsys.readouterr().out) == shown


# --- a load's progress


ENDPOINT: Any = SimpleNamespace(metrics="127.0.0.1:8002", model="cifar10")
PLAN = LoadPlan(rate=600, duration=10, body=b"")
BEFORE = Answered(100, 5)


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (Answered(100, 5), "load, 0 of 6,000 requests answered"),
        (Answered(1600, 5), "load, 1,500 of 6,000 requests answered, 100.0% of them well"),
        (Answered(1450, 155), "load, 1,500 of 6,000 requests answered, 90.0% of them well"),
        # another client's requests are in the server's count as well
        (Answered(6200, 5), "load, 6,000 of 6,000 requests answered, 100.0% of them well"),
    ],
)
def test_a_load_says_how_many_requests_were_answered_and_how_well(monkeypatch, now, text):
    monkeypatch.setattr(common.inference, "answered", lambda *address: {("127.0.0.1:8002", "cifar10"): now}[address])
    assert common.answered_so_far(ENDPOINT, PLAN, BEFORE) == text


def test_a_load_says_that_the_servers_metrics_do_not_answer(monkeypatch):
    def refuse(metrics, model):
        raise requests.ConnectionError("refused")

    monkeypatch.setattr(common.inference, "answered", refuse)
    assert common.answered_so_far(ENDPOINT, PLAN, BEFORE) == "load, the server's metrics do not answer"
