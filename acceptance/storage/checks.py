"""Whether a store does what a run will ask of it: tried out before anything is trained."""

import contextlib
import os
import time
from urllib.parse import urlsplit

from acceptance.environment import is_loopback
from acceptance.errors import AcceptanceError, Problem
from acceptance.storage.bucket import Bucket
from acceptance.storage.location import Location

# more than any model of the suite's, and so much that it is written in parts, as MLflow does
LARGE_BYTES = 16 << 20
# from here on a request takes so long that it is worth a word: a run makes some dozens, one after the other
SLOW_SECONDS = 1.0
TRIED = "tried"
SMALL, LARGE = f"{TRIED}/small", f"{TRIED}/large"


def look_at(location: Location, reached_by: str = "") -> None:
    """Raise AcceptanceError where the bucket isn't there, or the account may not even list it.

    `reached_by`: what is to reach it too ("pods", "containers"), and has a loopback of its own.
    """
    bucket = Bucket(location)
    with contextlib.closing(bucket):
        address = urlsplit(bucket.endpoint)
        if reached_by and is_loopback(f"{address.hostname}:{address.port}"):
            raise AcceptanceError(
                Problem(
                    f"{location}: its endpoint {bucket.endpoint} is this machine's own, which {reached_by} can't reach",
                    "name an address that both reach with AWS_ENDPOINT_URL_S3",
                )
            )
        next(iter(bucket.keys()), None)


def try_out(bucket: Bucket) -> None:
    """Write, list, read back and delete beneath the run's prefix; raises AcceptanceError with what can't be done."""
    written = {SMALL: b"triton-acceptance", LARGE: os.urandom(LARGE_BYTES)}
    began = time.monotonic()
    bucket.put(SMALL, written[SMALL])
    if (took := time.monotonic() - began) >= SLOW_SECONDS:
        bucket.notes.append(f"it, or what stands before it, is slow: {took:.1f} s to write {len(written[SMALL])} bytes")
    bucket.put(LARGE, written[LARGE])
    if missing := sorted(set(written) - set(bucket.names())):
        raise AcceptanceError(
            Problem(f"{bucket.location}: {', '.join(missing)} was written and is not listed", "see what stands between")
        )
    for name, data in written.items():
        if bucket.get(name) != data:
            raise AcceptanceError(
                Problem(f"{bucket.location}: {name} is read back as something else", "see what stands between")
            )
    bucket.delete_all(TRIED)
    if left := [name for name in bucket.names() if name in written]:
        raise AcceptanceError(
            Problem(f"{bucket.location}: {', '.join(left)} is there after its deletion", "see the bucket's retention")
        )
