"""S3's own variables, as they reach what a run starts: a child has neither the user's home nor their profile."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# MinIO's own, and that of stores which ask for none
REGION = "us-east-1"
AUTHORITY = "AWS_CA_BUNDLE"


@dataclass(frozen=True)
class Account:
    """A store that is not the one of the user's own environment: its endpoint, its keys, its authority's file."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    authority: Path

    def variables(self) -> dict[str, str]:
        """Return what `variables_for` does."""
        keys = {"AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key}
        return {**of_endpoint(self.endpoint), **keys, "AWS_DEFAULT_REGION": REGION, AUTHORITY: str(self.authority)}

    def session(self) -> Any:
        """Return boto3's session for it, which reads no file and no profile of the user's."""
        import boto3
        import botocore.session

        nothing = (None, None, os.devnull, None)
        own = {"profile": (None, None, None, None), "config_file": nothing, "credentials_file": nothing}
        return boto3.session.Session(
            self.access_key,
            self.secret_key,
            region_name=REGION,
            botocore_session=botocore.session.Session(session_vars=own),
        )

    def client_options(self) -> dict[str, str]:
        return {"endpoint_url": self.endpoint, "verify": str(self.authority)}


def of_endpoint(endpoint: str) -> dict[str, str]:
    # MLflow reads one of its own
    return {"AWS_ENDPOINT_URL_S3": endpoint, "MLFLOW_S3_ENDPOINT_URL": endpoint}


def variables_for(client: Any, checksums: str = "") -> dict[str, str]:
    """Return the variables by which another program reaches the same store as the client, with the same account.

    They hold secrets. The client is one of the user's environment.
    """
    import boto3
    import botocore.session

    found, region = of_endpoint(client.meta.endpoint_url), client.meta.region_name
    if region:
        found["AWS_DEFAULT_REGION"] = region
    credentials = boto3.session.Session().get_credentials()
    if credentials:
        keys = credentials.get_frozen_credentials()
        found |= {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key}
        if keys.token:
            found["AWS_SESSION_TOKEN"] = keys.token
    if authority := botocore.session.get_session().get_config_variable("ca_bundle"):
        found[AUTHORITY] = authority
    if checksums:
        found |= {"AWS_REQUEST_CHECKSUM_CALCULATION": checksums, "AWS_RESPONSE_CHECKSUM_VALIDATION": checksums}
    return found


def elsewhere(variables: Mapping[str, str], authority: str) -> tuple[dict[str, str], str]:
    """Return the variables for what has other files than this machine, and its certificate authority's text, or "".

    `authority`: the file there that the text is to be in.
    """
    if AUTHORITY not in variables:
        return dict(variables), ""
    return {**variables, AUTHORITY: authority}, Path(variables[AUTHORITY]).read_text(encoding="utf-8")
