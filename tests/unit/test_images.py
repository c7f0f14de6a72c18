from dataclasses import fields

import pytest

from acceptance.errors import BadSetting
from acceptance.images import is_pinned_triton, mirrored, only_here, read_images


@pytest.fixture
def file(tmp_path):
    return tmp_path / "images.yaml"


def test_a_file_overrides_some_images_and_leaves_the_others(file):
    file.write_text("trainer: registry.example/trainer:1\ntriton-backend: python\n")
    images, pinned = read_images(file), read_images(None)
    assert (images.trainer, images.triton_backend) == ("registry.example/trainer:1", "python")
    assert (images.vegeta, images.cuda) == (pinned.vegeta, pinned.cuda)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("trianer: a:1", "unknown key 'trianer'; the keys are cuda, "),
        ("triton-backend: tensorflow", "triton-backend is 'tensorflow'; it can be onnxruntime or python"),
        ("- trainer", "must be lines of `key: image`"),
        ("trainer: {image: a:1}", "must be lines of `key: image`"),
        ("trainer:", "must be lines of `key: image`"),
        ("trainer: [", "can't be read"),
        ("", "must be lines of `key: image`"),
    ],
)
def test_a_wrong_file_is_named_with_the_fault(file, text, words):
    file.write_text(text)
    with pytest.raises(BadSetting, match=r"--images .*images.yaml") as raised:
        read_images(file)
    assert words in str(raised.value)


def test_a_manifests_key_gives_its_image():
    assert "cuda-sample" in read_images(None).named("cuda-vector-add")


def test_the_pods_of_a_run_with_its_own_store_have_one_image_more():
    images = read_images(None)
    assert set(images.of_pods(minio=True)) - set(images.of_pods()) == {images.minio}


DIGEST = "sha256:" + "5e" * 32


@pytest.mark.parametrize(
    ("image", "there"),
    [
        ("nvcr.io/nvidia/tritonserver:25.08-py3", "mirror.site:5000/ml/nvidia/tritonserver:25.08-py3"),
        ("triton-acceptance/trainer:0.1.0", "mirror.site:5000/ml/triton-acceptance/trainer:0.1.0"),
        (f"kindest/node:v1.34.0@{DIGEST}", f"mirror.site:5000/ml/kindest/node:v1.34.0@{DIGEST}"),
        ("localhost:5000/a/b:1", "mirror.site:5000/ml/a/b:1"),
        ("localhost/b:1", "mirror.site:5000/ml/b:1"),
        ("busybox", "mirror.site:5000/ml/busybox"),
    ],
)
def test_a_mirror_takes_the_place_of_an_images_own_registry(image, there):
    assert mirrored(image, "mirror.site:5000/ml") == there


def test_every_image_comes_from_the_mirror_but_those_that_the_file_names(file):
    file.write_text("trainer: own.site/trainer:1\n")
    images, pinned = read_images(file, "mirror.site"), read_images(None)
    assert images.trainer == "own.site/trainer:1"
    assert images.triton_backend == pinned.triton_backend
    for field in fields(images):
        image = getattr(images, field.name)
        if field.name not in ("trainer", "triton_backend"):
            assert image == mirrored(getattr(pinned, field.name), "mirror.site")
    assert is_pinned_triton(images.triton)
    assert not only_here(images.vegeta)
