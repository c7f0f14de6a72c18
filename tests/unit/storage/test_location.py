"""A place in an object store, as the user names it."""

import pytest

from acceptance.errors import BadSetting
from acceptance.storage.location import Location, read_location


@pytest.mark.parametrize(
    ("text", "bucket", "prefix"),
    [
        ("s3://models", "models", ""),
        ("s3://models/", "models", ""),
        ("s3://my.models-2/ci/nightly/", "my.models-2", "ci/nightly"),
    ],
)
def test_a_place_is_a_bucket_and_a_prefix(text, bucket, prefix):
    assert read_location(text, "--store") == Location(bucket, prefix)


@pytest.mark.parametrize(
    "text", ["models", "minio", "s3:/models", "s3://", "s3://ab", "s3://Models", "s3://a_b_c", "https://models/x", ""]
)
def test_what_is_no_place_is_named_with_how_to_write_one(text):
    with pytest.raises(BadSetting, match=r"--store: no place .*s3://BUCKET/PREFIX"):
        read_location(text, "--store")


@pytest.mark.parametrize("prefix", ["a//b", "a/../b", ".", "a b", "a?b", "ä", "a\nb"])
def test_a_prefix_that_a_program_may_read_differently_is_refused(prefix):
    with pytest.raises(BadSetting, match="--store: write the prefix"):
        read_location(f"s3://models/{prefix}", "--store")


def test_what_lies_beneath_a_place_is_in_the_same_bucket():
    assert str(Location("models").beneath("run-1")) == "s3://models/run-1"
    assert str(Location("models", "ci").beneath("run-1").beneath("a")) == "s3://models/ci/run-1/a"
