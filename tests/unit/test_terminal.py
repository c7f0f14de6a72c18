"""What the terminal shows of a long step where it is no terminal: a line now and then, and only what is new."""

import contextlib
from types import SimpleNamespace

import pytest

from fixtures import terminal
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
