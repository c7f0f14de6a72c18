"""Prefixes that killed runs left in a real object store: who deletes them, and who doesn't."""

import os
import platform
import subprocess
import uuid

import pytest

from acceptance.processes.owner import owner, started
from acceptance.storage.abandoned import OWNER, delete_abandoned, note_owner
from acceptance.storage.bucket import Bucket
from acceptance.storage.location import Location

NAME = "triton-acceptance-0"


@pytest.fixture
def gone():
    """The owner of a run of this machine that has gone."""
    with subprocess.Popen(["sleep", "60"]) as process:
        text = f"me@{platform.node()} {process.pid} {started(process.pid)}"
        process.kill()
    return text


@pytest.fixture
def place(account, minio):
    """A place in a bucket of the test's own."""
    name = f"abandoned-{uuid.uuid4().hex[:8]}"
    minio.client().create_bucket(Bucket=name)
    return Location(name, "ci")


def left_by(whose, place):
    bucket = Bucket(place.beneath(NAME))
    if whose:
        bucket.put(OWNER, whose.encode())
    bucket.put("artifacts/model", b"1")
    return bucket


def test_what_a_run_of_this_machine_left_is_deleted_by_the_next(place, gone):
    left = left_by(gone, place)
    Bucket(place).put("triton-acceptance-mine", b"no folder")
    Bucket(place).put("others/triton-acceptance-1/owner", gone.encode())
    assert delete_abandoned(place) == [place.beneath(NAME)]
    assert left.names() == []
    assert sorted(Bucket(place).names()) == ["others/triton-acceptance-1/owner", "triton-acceptance-mine"]


@pytest.mark.parametrize(
    "whose",
    [
        owner(),
        f"me@elsewhere {os.getpid()} 1",
        "",
        "nonsense",
    ],
    ids=["under way", "another machine's", "nobody's", "nonsense"],  # a process's id differs from worker to worker
)
def test_what_is_under_way_or_another_machines_or_nobodys_stays(place, whose):
    left = left_by(whose, place)
    assert delete_abandoned(place) == []
    assert "artifacts/model" in left.names()


def test_what_was_to_stay_stays(place, gone):
    left = left_by(f"{gone}\nkept", place)
    assert delete_abandoned(place) == []
    assert OWNER in left.names()


@pytest.mark.parametrize(("keep", "says"), [(True, "kept"), (False, "")])
def test_a_run_says_whose_its_prefix_is_and_whether_it_stays(place, keep, says):
    bucket = Bucket(place)
    note_owner(bucket, keep)
    assert bucket.get(OWNER).decode() == f"{owner()}\n{says}"


def test_a_bucket_without_a_prefix_is_looked_at_too(place, gone):
    whole = Location(place.bucket)
    Bucket(whole.beneath("triton-acceptance-9")).put(OWNER, gone.encode())
    assert delete_abandoned(whole) == [whole.beneath("triton-acceptance-9")]
