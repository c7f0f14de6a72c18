"""How long images took, from the kubelet's words; CUDA's version, from nvidia-smi's."""

from datetime import UTC, datetime

import pytest
from kubernetes.client import CoreV1Event, V1ObjectMeta, V1ObjectReference

from acceptance.gpu.nvidia_smi import cuda_version
from acceptance.kubernetes.pulls import pulls

ENDED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def event(message, **times):
    created = V1ObjectMeta(creation_timestamp=ENDED)
    return CoreV1Event(involved_object=V1ObjectReference(), metadata=created, message=message, **times)


@pytest.mark.parametrize(
    ("took", "seconds"),
    [("532ms", 0.532), ("3.214s", 3.214), ("1m2.5s", 62.5), ("1h0m3s", 3603.0), ("12.5µs", 1.25e-05)],
)
def test_a_pull_is_read_from_the_kubelets_words(took, seconds):
    words = f'Successfully pulled image "nvidia/triton:1" in {took} (9m9s including waiting). Image size: 1 bytes.'
    (pull,) = pulls([event(words)])
    assert (pull.image, pull.ended) == ("nvidia/triton:1", ENDED.timestamp())
    assert pull.seconds == pytest.approx(seconds)


def test_an_image_that_was_there_already_and_other_events_are_no_pulls():
    said = ['Container image "x" already present on machine', 'Failed to pull image "x": not found', None, ""]
    assert pulls([event(words) for words in said]) == []


def test_the_last_time_of_an_event_counts():
    later = datetime(2026, 1, 2, 3, 9, tzinfo=UTC)
    (pull,) = pulls([event('Successfully pulled image "x" in 1s (1s including waiting)', last_timestamp=later)])
    assert pull.ended == later.timestamp()


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        ("| NVIDIA-SMI 550.54.15   Driver Version: 550.54.15   CUDA Version: 12.4 |", "12.4"),
        ("NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", ""),
        ("| NVIDIA-SMI 610.43.02   KMD Version: 610.43.02     CUDA UMD Version: 13.3 |", "13.3"),
        ("CUDA Version: N/A", ""),
    ],
)
def test_cudas_version_is_in_nvidia_smis_head(banner, version):
    assert cuda_version(banner) == version
