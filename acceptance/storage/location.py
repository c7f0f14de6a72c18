"""A place in an object store, as `--store` names it: `s3://bucket/prefix`."""

import re
from dataclasses import dataclass

from acceptance.errors import BadSetting

SCHEME = "s3://"
# S3's own rule, which other stores keep as well
BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# what no store and no program between takes for anything else
PREFIX = re.compile(r"[A-Za-z0-9._/-]*")


@dataclass(frozen=True)
class Location:
    """A bucket, and a prefix of its keys without a slash at either end."""

    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}".rstrip("/")

    def beneath(self, name: str) -> "Location":
        return Location(self.bucket, f"{self.prefix}/{name}".lstrip("/"))


def read_location(text: str, source: str) -> Location:
    """Return the place that the user named; raises BadSetting that begins with the `source`."""
    bucket, _, prefix = text.removeprefix(SCHEME).partition("/")
    if not text.startswith(SCHEME) or not BUCKET.fullmatch(bucket):
        raise BadSetting(f"{source}: no place in an object store; write s3://BUCKET/PREFIX, or minio")
    prefix = prefix.strip("/")
    if not PREFIX.fullmatch(prefix) or "//" in prefix or {".", ".."} & set(prefix.split("/")):
        raise BadSetting(f"{source}: write the prefix with letters, digits, dots, hyphens, underscores, single slashes")
    return Location(bucket, prefix)
