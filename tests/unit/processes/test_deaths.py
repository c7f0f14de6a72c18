"""The line of a log that says why its program died, among start-up lines, tables and what other programs say of it."""

import signal

import pytest

from acceptance.processes.deaths import cause, death, last_error
from acceptance.processes.logs import without_tables
from acceptance.redaction.plain import plain
from acceptance.redaction.redactor import Redactor

# recorded from TensorFlow 2.19 on a machine without a GPU
START_UP = """\
2026-11-26 02:04:59.323598: E external/local_xla/xla/stream_executor/cuda/cuda_fft.cc:467] Unable to register cuFFT \
factory: Attempting to register factory for plugin cuFFT when one has already been registered
WARNING: All log messages before absl::InitializeLog() is called are written to STDERR
E0000 00:00:1795662299.343487   19548 cuda_dnn.cc:8579] Unable to register cuDNN factory: Attempting to register
E0000 00:00:1795662299.348373   19548 cuda_blas.cc:1407] Unable to register cuBLAS factory: Attempting to register
W0000 00:00:1795662299.362791   19548 computation_placer.cc:177] computation placer already registered.
E0000 00:00:1795662300.362791   19548 cuda_executor.cc:1228] failed call to cuInit: INTERNAL: CUDA_ERROR_NO_DEVICE
"""
RUNNING = (
    "2026/11/26 03:04:58 INFO mlflow.projects.backend.local: === Running command 'python train.py' in run with ID 'a' "
)
RUN_FAILED = "2026/11/26 03:05:04 ERROR mlflow.cli: === Run (ID '3584c1171a70446092666f7c2ca5dbca') failed ==="
TRACEBACK = """\
Traceback (most recent call last):
  File "train.py", line 14, in <module>
    import keras
    ^^^^^^^^^^^^
"""
# recorded from Triton 2.51
TRITON = """\
I1126 02:00:00.123456 77 cache_manager.cc:480] "Create CacheManager with cache_dir: 'caches'"
E1126 02:00:03.123456 77 model_lifecycle.cc:642] "failed to load 'cifar10' version 1: Internal: no onnxruntime\\n\\nAt:"
Error: Failed to initialize NVML
W1126 02:00:03.210241 77 metrics.cc:798] "DCGM unable to start: DCGM initialization error"
I1126 02:00:03.223456 77 server.cc:631]
+---------+---------+-------------+
| Model   | Version | Status      |
+---------+---------+-------------+
error: creating server: Internal - failed to load all models
"""


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (
            f"{RUNNING}\n{START_UP}{TRACEBACK}ImportError: No module named 'jax'\n{RUN_FAILED}",
            "No module named",
        ),
        (f"{START_UP}train.py: /data lacks data_batch_1; --data takes\n{RUN_FAILED}", "train.py: /data lacks"),
        (f"{START_UP}2026/11/26 03:04:46 ERROR mlflow.cli: === Got value /no for parameter data", "=== Got value /no"),
        (
            f"{TRACEBACK}KeyError: 'a'\n\nDuring handling of it:\n\n{TRACEBACK}socket.gaierror: no name",
            "no name",
        ),
        (f"{TRACEBACK}AssertionError", "AssertionError"),
        (TRITON, ": failed to load 'cifar10' version 1: Internal: no onnxruntime"),
        ("usage: train.py\ntrain.py: error: unrecognized arguments: -x", "train.py: error: unrecognized"),
        ("FATA[0012] could not start: port taken ", "could not start"),
        ("[2026-11-26 03:04:58 +0000] [12] [ERROR] Connection in use", "Connection in use"),
        ("ERROR:    [Errno 98] address already in use\nINFO:     done", "[Errno 98]"),
        ("panic: runtime error: index out of range", "panic: runtime"),
        ("epoch 1\nout of cheese\n", "out of cheese"),
    ],
)
def test_a_programs_own_last_error_comes_first(tmp_path, log, words):
    file = tmp_path / "log"
    file.write_text(log)
    first, *rest = str(death("trainer", 1, file)).splitlines()
    assert first.startswith("trainer exited with 1: ")
    assert words in first
    assert "Unable to register" not in "\n".join([first, *rest])
    assert f"the end of {file}:" in rest


@pytest.mark.parametrize("log", ["", START_UP, "I1126 02:00:00.123456 77 server.cc:480] all is well\n", RUN_FAILED])
def test_where_nothing_tells_nothing_is_made_up(tmp_path, log):
    (tmp_path / "log").write_text(log)
    assert death("trainer", 1, tmp_path / "log").what == "trainer exited with 1"


@pytest.mark.parametrize(
    ("code", "what"),
    [
        (-signal.SIGKILL, "triton was killed by SIGKILL, out of memory"),
        (-signal.SIGTERM, "triton was killed by SIGTERM, out of memory"),
        (-signal.SIGSEGV, "triton was killed by SIGSEGV, out of memory: failed to load"),
    ],
)
def test_whom_others_ended_had_no_error_of_its_own(tmp_path, code, what):
    (tmp_path / "log").write_text(TRITON)
    found = death("triton", code, tmp_path / "log", ", out of memory")
    assert found.what.startswith(what)
    assert (found.what == what) == (code != -signal.SIGSEGV)


def test_lines_that_look_like_exceptions_are_errors_only_after_a_traceback():
    assert last_error(["Loading: model", "ValueError: x"]) == ""
    assert last_error(without_tables(f"{TRACEBACK}ValueError: x")) == "ValueError: x"


def test_a_line_that_is_too_long_keeps_the_cause_at_its_end():
    line = f"requests.ConnectionError: Max retries {'x' * 2000} (Caused by ProxyError('407 Proxy Authentication'))"
    found = cause([line])
    assert found.startswith("requests.ConnectionError: Max retries")
    assert found.endswith("'407 Proxy Authentication'))")
    assert len(found) < 600


def test_a_log_without_any_error_is_told_by_its_last_words():
    assert cause(["a", "b", "2026/11/26 03:05:04 INFO x: done"]) == "b"
    assert cause([]) == ""


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("\x1b[31mred\x1b[0m text", "red text"),
        ("\x1b]0;a title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b(Ba\x1b=b\x1b[?25lc\x9b1md", "abcd"),
        ("10%\r20%\r\ndone\n", "10%\n20%\ndone\n"),
        ("bell\x07, back\x08space, null\x00, delete\x7f, c1\x85", "bell, backspace, null, delete, c1"),
        ("turned \u202etxt.exe\u2066", "turned txt.exe"),
        ("no XML: \ufffe\uffff\ud800", "no XML: "),
        ("tab\tand über ✓ 🦌", "tab\tand über ✓ 🦌"),
        ("cut off \x1b[", "cut off "),
    ],
)
def test_what_is_quoted_has_neither_escapes_nor_control_characters(said, shown):
    assert plain(said) == shown


def test_a_secret_that_escapes_would_hide_is_not_shown():
    assert "hushhushhush" not in Redactor(["hushhushhush"]).shown("a hush\x1b[0mhush\x00hush")
