import pytest

from acceptance.errors import BadSetting
from acceptance.images import read_images


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
