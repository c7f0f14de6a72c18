"""Contract tests: on the embedded target, a GPU that the user hid is none, whatever nvidia-smi lists."""

import pytest

from tests.contract.fakes import GPU, Fakes
from tests.running import MADE_UP_SECONDS
from tools.suite_run import run_suite


@pytest.mark.parametrize(("hidden", "options", "outcome"), [("-1", [], "skipped"), ("", ["--require-gpu"], "error")])
def test_a_hidden_gpu_skips_with_that_reason_and_fails_only_where_one_is_demanded(tmp_path, hidden, options, outcome):
    """Nothing is trained to find that out."""
    result = run_suite(
        tmp_path / "report",
        *("--data=digits", "-m", "gpu and not beyond and not docker and not cluster and not node", *options),
        timeout=MADE_UP_SECONDS,
        PATH=Fakes(tmp_path / "bin").install(**GPU),
        CUDA_VISIBLE_DEVICES=hidden,
    )
    scenarios = result.scenarios().values()
    assert len(scenarios) > 3
    assert {found.outcome for found in scenarios} == {outcome}, result.output
    assert all(f"CUDA_VISIBLE_DEVICES={hidden} hides" in found.message for found in scenarios)
    assert not list((tmp_path / "report" / "logs").glob("*.log"))
