"""The model repository that Triton gets."""

import pytest

from acceptance.errors import AcceptanceError
from acceptance.serving import repository


@pytest.mark.parametrize("device", ["cpu", "gpu"])
def test_the_configuration_says_what_the_scenarios_rely_on(device):
    from google.protobuf import text_format
    from tritonclient.grpc import model_config_pb2

    config = text_format.Parse(repository.config(device), model_config_pb2.ModelConfig())
    assert [(item.name, list(item.dims)) for item in config.input] == [("conv2d_input", [32, 32, 3])]
    assert [(item.name, list(item.dims)) for item in config.output] == [("dense_1", [10])]
    assert [group.kind for group in config.instance_group] == [{"gpu": 1, "cpu": 2}[device]]
    assert config.max_batch_size == 64
    assert config.version_policy.latest.num_versions == 1
    assert config.model_warmup


def test_a_gpus_batches_have_one_size_and_more_than_one_instance_takes_them():
    """ONNX Runtime prepares each convolution anew for a batch of another size."""
    on_cpu, on_gpu = (repository.config(device) for device in ("cpu", "gpu"))
    assert "dynamic_batching" in on_cpu
    assert "dynamic_batching" not in on_gpu
    assert "batch of 8" not in on_gpu
    assert "count: 2" in on_gpu


def test_the_repository_holds_the_models_own_file(tmp_path):
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "model.onnx").write_bytes(b"onnx")
    built = repository.build_repository(tmp_path / "models", tmp_path / "onnx", "cpu")
    assert (built / "cifar10" / "1" / "model.onnx").read_bytes() == b"onnx"
    assert (built / "cifar10" / "config.pbtxt").exists()


def test_a_download_without_a_model_is_named(tmp_path):
    (tmp_path / "MLmodel").write_text("")
    with pytest.raises(AcceptanceError, match=r"no model.onnx, only \['MLmodel'\]"):
        repository.build_repository(tmp_path / "models", tmp_path, "cpu")
