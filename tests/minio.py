"""A real MinIO for tests, as a process of this machine; they skip where its program isn't at hand."""

import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from acceptance.processes.local import free_port
from acceptance.storage.certificate import issue
from acceptance.storage.minio import CERTIFICATE, KEY
from acceptance.waiting import Ready, wait_until
from tools.suite_run import WITH_PARENT


def find_program() -> str:
    """Return MinIO's program, or "": ACCEPTANCE_MINIO names it, or it is on the PATH, or the lab has it."""
    if named := os.environ.get("ACCEPTANCE_MINIO", "") or shutil.which("minio"):
        return named
    # the lab's programs lie beside its kubeconfig
    kubeconfig = os.environ.get("ACCEPTANCE_LAB_KUBECONFIG", "")
    found = Path(kubeconfig).parent / "bin" / "minio"
    return str(found) if kubeconfig and found.exists() else ""


@dataclass(frozen=True)
class Minio:
    """Its endpoint and its account, whose secret is nowhere else; with TLS the file of its authority."""

    endpoint: str
    user: str = field(default_factory=lambda: f"user-{secrets.token_hex(4)}")
    password: str = field(default_factory=lambda: secrets.token_hex(16))
    authority: str = ""

    @property
    def variables(self) -> dict[str, str]:
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.user,
            "AWS_SECRET_ACCESS_KEY": self.password,
            "AWS_DEFAULT_REGION": "us-east-1",
            **({"AWS_CA_BUNDLE": self.authority} if self.authority else {}),
        }

    def make_shared_bucket(self, name: str) -> str:
        """Make a bucket that has somebody else's object; return its name."""
        self.client().create_bucket(Bucket=name)
        self.client().put_object(Bucket=name, Key="ci/somebody-elses", Body=b"mine")
        return name

    def client(self) -> Any:
        """Return a client of the whole store, which sees what a run's own may not."""
        import boto3

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.user,
            aws_secret_access_key=self.password,
            verify=self.authority or None,
        )

    def keys(self, bucket: str) -> list[str]:
        return [one["Key"] for one in self.client().list_objects_v2(Bucket=bucket).get("Contents", [])]


@contextlib.contextmanager
def running_minio(
    folder: Path, before: Minio | None = None, host: str = "127.0.0.1", tls: bool = False
) -> Iterator[Minio]:
    """Run a MinIO whose objects lie in the folder, on an address of this machine; with TLS by an authority of its own.

    `before`: one that had the folder, whose address it takes over.
    """
    program = find_program()
    if not program:
        pytest.skip("no minio: ACCEPTANCE_MINIO names none, none is on the PATH, and there is no lab that has it")
    (folder / "data").mkdir(parents=True, exist_ok=bool(before))
    endpoint = before.endpoint if before else f"{'https' if tls else 'http'}://{host}:{free_port()}"
    minio = Minio(endpoint, authority=certified(folder, host) if tls else "")
    account = {"MINIO_ROOT_USER": minio.user, "MINIO_ROOT_PASSWORD": minio.password, "HOME": str(folder)}
    address = endpoint.partition("://")[2]
    with (folder / "minio.log").open("wb") as log:
        process = subprocess.Popen(
            [*WITH_PARENT, program, "server", folder / "data", "--address", address, "--certs-dir", folder],
            env={"PATH": os.environ["PATH"], "MINIO_BROWSER": "off", **account},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        wait_until("MinIO to answer", lambda: answers(minio.endpoint, minio.authority or True), 30)
        yield minio
    finally:
        process.kill()
        process.wait()


def certified(folder: Path, host: str) -> str:
    """Put a certificate of a server with that name, or IP address, into the folder; return its authority's file."""
    issued, authority = issue([host]), folder / "authority.crt"
    for name, text in {CERTIFICATE: issued.certificate, KEY: issued.key, authority.name: issued.authority}.items():
        (folder / name).write_text(text)
    return str(authority)


def answers(endpoint: str, verify: str | bool = True) -> Ready[None] | str:
    try:
        answer = requests.get(f"{endpoint}/minio/health/live", timeout=5, verify=verify)
    except requests.RequestException as error:
        return str(error)
    return Ready(None) if answer.ok else f"HTTP {answer.status_code}"
