"""One prefix of a bucket, which is a run's own: nothing outside it is written or deleted."""

import io
from collections.abc import Iterator
from typing import Any

from acceptance.errors import AcceptanceError, Problem
from acceptance.storage.errors import CODES, NO_S3, store_errors
from acceptance.storage.location import Location
from acceptance.storage.variables import Account, variables_for

CONNECT_SECONDS, READ_SECONDS = 10, 60
TRIES = 3
# what a store answers to something that it has not learnt
UNKNOWN = (400, 405, 411, 501)
WHEN_REQUIRED = "when_required"


def connect(checksums: str = "", account: Account | None = None) -> Any:
    """Return S3's client, by its own variables unless by an account.

    `checksums` other than its own are for older stores.
    """
    import boto3
    from botocore.config import Config

    given = {"request_checksum_calculation": checksums, "response_checksum_validation": checksums} if checksums else {}
    session = account.session() if account else boto3.session.Session()
    return session.client(
        "s3",
        config=Config(
            connect_timeout=CONNECT_SECONDS,
            read_timeout=READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": TRIES},
            **given,
        ),
        **(account.client_options() if account else {}),
    )


class Bucket:
    """What a run does in its own prefix. Methods raise AcceptanceError with the place, what was done, and the fix.

    `notes` says which of today's ways the store does not know, and what is done instead.
    """

    def __init__(self, location: Location, account: Account | None = None) -> None:
        """`account`: of a store that isn't the one of the user's environment."""
        self.location, self.account, self.notes = location, account, list[str]()
        self.checksums = ""
        with store_errors(location, "reading the credentials"):
            self.client = connect(account=account)

    @property
    def endpoint(self) -> str:
        """The address of the store, such as `http://minio:9000`."""
        return self.client.meta.endpoint_url

    def variables(self) -> dict[str, str]:
        """Return the variables by which a program that the run starts reaches the store; they hold secrets."""
        return self.account.variables() if self.account else variables_for(self.client, self.checksums)

    def key(self, name: str) -> str:
        return self.location.beneath(name).prefix

    # --- what it does

    def make(self) -> None:
        """Make the bucket itself, in a store of the run's own."""
        with store_errors(self.location, "making the bucket"):
            self.client.create_bucket(Bucket=self.location.bucket)

    def put(self, name: str, data: bytes) -> None:
        """Write an object, in parts where it is large; where the store refuses today's checksums, without them."""
        with store_errors(self.location, f"writing {len(data):,} bytes"):
            if not self.checksums:
                if self.answers(lambda: self._put(name, data)):
                    return
                self.checksums, self.client = WHEN_REQUIRED, connect(WHEN_REQUIRED, self.account)
                self.notes.append("no checksums in the requests: the store refuses them")
            self._put(name, data)

    def _put(self, name: str, data: bytes) -> None:
        self.client.upload_fileobj(io.BytesIO(data), self.location.bucket, self.key(name))

    def get(self, name: str) -> bytes:
        with store_errors(self.location, f"reading {name}"):
            return self.client.get_object(Bucket=self.location.bucket, Key=self.key(name))["Body"].read()

    def names(self) -> list[str]:
        """Return the names of the objects beneath the prefix."""
        return [key.removeprefix(f"{self.location.prefix}/") for key in self.keys()]

    def keys(self) -> Iterator[str]:
        with store_errors(self.location, "listing"):
            for page in self.pages("list_objects_v2"):
                if "Name" not in page:  # a page of HTML is XML enough for the client
                    raise AcceptanceError(Problem(f"{self.location}: what answers there is no S3", NO_S3))
                yield from (one["Key"] for one in page.get("Contents", []))

    def folders(self, start: str) -> list[str]:
        """Return what is right beneath the prefix, begins so, and has objects beneath it in turn."""
        above = f"{self.location.prefix}/".lstrip("/")
        with store_errors(self.location, "listing"):
            pages = self.client.get_paginator("list_objects_v2").paginate(
                Bucket=self.location.bucket, Prefix=f"{above}{start}", Delimiter="/"
            )
            found = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", [])]
        return [one.removeprefix(above).rstrip("/") for one in found]

    def pages(self, operation: str, name: str = "") -> Any:
        """Ask for all beneath the prefix, or beneath a name there."""
        prefix = f"{self.key(name) if name else self.location.prefix}/"
        return self.client.get_paginator(operation).paginate(Bucket=self.location.bucket, Prefix=prefix)

    def answers(self, action: Any) -> bool:
        """Do it, and say whether the store knows how; raises what else it answers."""
        from botocore.exceptions import ClientError

        try:
            action()
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if status in UNKNOWN and error.response.get("Error", {}).get("Code", "") not in CODES:
                return False
            raise
        return True

    # --- its end

    def delete_all(self, name: str = "") -> None:
        """Delete every object beneath the prefix, each version of it, and uploads that were never finished.

        With a name, all that lies beneath that name alone.
        """
        with store_errors(self.location, "deleting"):
            for upload in self.unfinished(name):
                self.client.abort_multipart_upload(
                    Bucket=self.location.bucket, Key=upload["Key"], UploadId=upload["UploadId"]
                )
            for part in self.versions(name):
                self.delete(part)

    def unfinished(self, name: str) -> list[Any]:
        """Return the uploads that were never finished; MinIO lists none by a prefix, and ends them after a day."""
        found: list[Any] = []
        self.answers(
            lambda: found.extend(
                one for page in self.pages("list_multipart_uploads", name) for one in page.get("Uploads", [])
            )
        )
        return found

    def versions(self, name: str) -> Iterator[list[dict[str, str]]]:
        """Yield at most 1,000 objects at a time, each version by itself; a store without versions has each once."""
        for page in self.pages("list_object_versions", name):
            every = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if every:
                yield [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in every]

    def delete(self, objects: list[dict[str, str]]) -> None:
        """Delete them at once, or one after the other where the store does not know how."""
        bucket, answer = self.location.bucket, {}
        if self.answers(lambda: answer.update(self.client.delete_objects(Bucket=bucket, Delete={"Objects": objects}))):
            failed = answer.get("Errors", [])
            if failed:
                first = failed[0]
                raise AcceptanceError(
                    f"{self.location}: {len(failed)} of {len(objects)} objects can't be deleted: "
                    f"{first.get('Code')}: {first.get('Message')}"
                )
            return
        self.notes.append("objects are deleted one by one: the store knows no other way")
        for one in objects:
            self.client.delete_object(Bucket=bucket, **one)

    def close(self) -> None:
        self.client.close()
