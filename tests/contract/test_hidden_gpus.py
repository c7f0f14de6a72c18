"""Contract tests: the embedded target where nvidia-smi lists a GPU, hidden by the user or not."""

import pytest

from tests.contract.fakes import GPU, Fakes
from tests.prepared import run_prepared
from tests.running import MADE_UP_SECONDS, problems_of

# the scenarios that need a GPU on this target
ON_A_GPU = "gpu and not beyond and not docker and not cluster and not node and not kserve and not workflow"


@pytest.mark.parametrize(("hidden", "options", "outcome"), [("-1", [], "skipped"), ("", ["--require-gpu"], "error")])
def test_a_hidden_gpu_skips_with_that_reason_and_fails_only_where_one_is_demanded(tmp_path, hidden, options, outcome):
    """Nothing is trained to find that out."""
    result = run_prepared(
        tmp_path / "report",
        *("--data=digits", "-m", ON_A_GPU, *options),
        timeout=MADE_UP_SECONDS,
        PATH=Fakes(tmp_path / "bin").install(**GPU),
        CUDA_VISIBLE_DEVICES=hidden,
    )
    scenarios = result.scenarios().values()
    assert len(scenarios) > 3
    assert {found.outcome for found in scenarios} == {outcome}, result.output
    assert all(f"CUDA_VISIBLE_DEVICES={hidden} hides" in found.message for found in scenarios)
    assert not list((tmp_path / "report" / "logs").glob("*.log"))


@pytest.mark.parametrize(("chosen", "code", "named"), [(ON_A_GPU, 4, ["ONNX Runtime"]), ("docker and not gpu", 0, [])])
def test_packages_without_cuda_are_named_before_anything_starts_where_a_gpu_is_to_be_used(
    tmp_path, chosen, code, named
):
    result = run_prepared(
        tmp_path / "report",
        *("--data=digits", "-m", chosen),
        timeout=MADE_UP_SECONDS,
        PATH=Fakes(tmp_path / "bin").install(**GPU),
        TMPDIR=str(tmp_path),
    )
    assert result.code == code, result.output
    problems = problems_of(result) if code else []
    assert [name for name in named if not any(name in line and "`make setup GPU=1`" in line for line in problems)] == []
    assert len(problems) == len(named)
    assert not list(tmp_path.glob("triton-acceptance-*"))
