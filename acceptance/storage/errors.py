"""What an object store's refusals mean, and what puts them right."""

import contextlib
from collections.abc import Iterator
from typing import Any

from acceptance.errors import AcceptanceError, Problem
from acceptance.storage.location import Location

KEYS = "see AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
RIGHTS = "docs/storage.md has the rights that a run needs"
ENDPOINT = "see AWS_ENDPOINT_URL_S3 and AWS_ENDPOINT_URL"
NO_S3 = f"it may be the store's console; {ENDPOINT}"
REGION = "name the bucket's own with AWS_DEFAULT_REGION"
FULL = "make room there, or name another place with --store"
# by the code that the store answers with: what it means, and the fix
CODES = {
    "NoSuchBucket": ("there is no such bucket", "make it, or name another with --store"),
    "AccessDenied": ("the account may not", RIGHTS),
    "AllAccessDisabled": ("the account may not", RIGHTS),
    "InvalidAccessKeyId": ("the store does not know the access key", KEYS),
    "SignatureDoesNotMatch": (
        "the signature does not match: the secret key is wrong, or something between changes the request's Host",
        f"{KEYS}; reach the store by the name that it knows itself by",
    ),
    "ExpiredToken": ("the session's token has expired", "log in again"),
    "InvalidToken": ("the store does not take the session's token", "log in again, or unset AWS_SESSION_TOKEN"),
    "RequestTimeTooSkewed": ("this machine's clock and the store's are apart", "set this machine's clock (NTP)"),
    "PermanentRedirect": ("the bucket is in another region", REGION),
    "AuthorizationHeaderMalformed": ("the bucket is in another region", REGION),
    "IllegalLocationConstraintException": ("the bucket is in another region", REGION),
    "QuotaExceeded": ("it is full", FULL),
    "XMinioAdminBucketQuotaExceeded": ("it is full", FULL),
    "XMinioStorageFull": ("it is full", FULL),
    "EntityTooLarge": ("it does not take an object of that size", FULL),
    "InvalidRetentionPeriod": ("its retention forbids it", "name a bucket without object lock"),
    "ObjectLocked": ("its retention forbids it", "name a bucket without object lock"),
    "KMS.DisabledException": ("its KMS key is disabled", "enable the bucket's key, or name another bucket"),
    "KMS.NotFoundException": ("its KMS key is gone", "give the bucket another key, or name another bucket"),
}
STATUSES = {
    403: CODES["AccessDenied"],
    404: CODES["NoSuchBucket"],
    507: CODES["QuotaExceeded"],
}


@contextlib.contextmanager
def store_errors(location: Location, doing: str) -> Iterator[None]:
    """Turn what S3's client raises into an AcceptanceError: the place, what was being done, why, and the fix."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        raise AcceptanceError(refusal(location, doing, error.response)) from error
    except (BotoCoreError, ResponseParserError, ValueError) as error:  # ValueError: an address that is none
        words = " ".join(str(error).split())
        raise AcceptanceError(Problem(f"{location}: {doing}: {words}", fix_of(error))) from error


def refusal(location: Location, doing: str, response: Any) -> Problem:
    """Return what an error of the store's says: its code and words stay, for a code that nobody knows here."""
    code = str(response.get("Error", {}).get("Code", ""))
    said = " ".join(str(response.get("Error", {}).get("Message", "")).split())
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    meaning, fix = CODES.get(code) or STATUSES.get(status) or ("the store refuses it", RIGHTS)
    return Problem(f"{location}: {doing}: {meaning} (HTTP {status}, {code}: {said})", fix)


def fix_of(error: Exception) -> str:
    """Return what puts right that no answer of the store's came."""
    from botocore import exceptions
    from botocore.parsers import ResponseParserError

    fixes: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
        ((exceptions.SSLError,), "name the store's certificate authority with AWS_CA_BUNDLE"),
        ((exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.ProfileNotFound), KEYS),
        ((ResponseParserError,), NO_S3),
    )
    return next((fix for kinds, fix in fixes if isinstance(error, kinds)), ENDPOINT)
