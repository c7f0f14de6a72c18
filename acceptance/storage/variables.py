"""S3's own variables, as they reach what a run starts: a child has neither the user's home nor their profile."""

from typing import Any


def variables_for(client: Any, checksums: str = "") -> dict[str, str]:
    """Return the variables by which another program reaches the same store as the client, with the same account.

    They hold secrets. MLflow reads one of its own for the endpoint.
    """
    import boto3
    import botocore.session

    endpoint, region = client.meta.endpoint_url, client.meta.region_name
    found = {"AWS_ENDPOINT_URL_S3": endpoint, "MLFLOW_S3_ENDPOINT_URL": endpoint}
    if region:
        found["AWS_DEFAULT_REGION"] = region
    credentials = boto3.session.Session().get_credentials()
    if credentials:
        keys = credentials.get_frozen_credentials()
        found |= {"AWS_ACCESS_KEY_ID": keys.access_key, "AWS_SECRET_ACCESS_KEY": keys.secret_key}
        if keys.token:
            found["AWS_SESSION_TOKEN"] = keys.token
    if authority := botocore.session.get_session().get_config_variable("ca_bundle"):
        found["AWS_CA_BUNDLE"] = authority
    if checksums:
        found |= {"AWS_REQUEST_CHECKSUM_CALCULATION": checksums, "AWS_RESPONSE_CHECKSUM_VALIDATION": checksums}
    return found
