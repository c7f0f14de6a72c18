"""A MinIO of a run's own: its account, its certificate, and what its server is given."""

import secrets
from collections.abc import Sequence
from pathlib import Path

from acceptance.files import write_whole
from acceptance.storage.certificate import issue
from acceptance.storage.variables import Account

# how what the run starts calls it, and where it listens
NAME, PORT = "minio", 9000
# the names of its certificate's files that it looks for
CERTIFICATE, KEY = "public.crt", "private.key"
HERE = ("localhost", "127.0.0.1")


class Minio:
    """What nobody but the run has. The folder gets the authority's file, which clients on this machine are to read."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        """`names`: those, or IP addresses, by which it is reached, besides this machine's own loopback."""
        self.user, self.password = f"run-{secrets.token_hex(8)}", secrets.token_hex(24)
        self.issued = issue(list(dict.fromkeys([*names, *HERE])))
        folder.mkdir()
        self.authority = folder / "authority.crt"
        write_whole(self.authority, self.issued.authority)

    def environment(self) -> dict[str, str]:
        """Return the server's variables; they hold secrets."""
        return {
            "MINIO_ROOT_USER": self.user,
            "MINIO_ROOT_PASSWORD": self.password,
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
        }

    def certificate(self) -> dict[str, str]:
        """Return the files of the server's certificate; one is its private key."""
        return {CERTIFICATE: self.issued.certificate, KEY: self.issued.key}

    def account(self, address: str) -> Account:
        """Return how a client reaches it at `host:port`."""
        return Account(f"https://{address}", self.user, self.password, self.authority)
