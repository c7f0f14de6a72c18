"""A pod that was to have a GPU has it in its resources, whatever stood between the manifest and the node."""

import pytest
from kubernetes.client import V1Container, V1ObjectMeta, V1Pod, V1PodSpec, V1ResourceRequirements

from acceptance.errors import AcceptanceError
from acceptance.kubernetes.gpu_access import check_has_gpu


def pod(**requests: str) -> V1Pod:
    container = V1Container(name="trainer", resources=V1ResourceRequirements(requests=requests))
    return V1Pod(metadata=V1ObjectMeta(name="training-gpu-1-x7k2p"), spec=V1PodSpec(containers=[container]))


def test_only_a_pod_whose_gpu_was_taken_out_is_refused():
    check_has_gpu(pod(**{"cpu": "1", "nvidia.com/gpu": "1"}), "nvidia.com/gpu")
    with pytest.raises(AcceptanceError, match=r"training-gpu-1-x7k2p asks for no nvidia.com/gpu.*webhook"):
        check_has_gpu(pod(cpu="1"), "nvidia.com/gpu")
