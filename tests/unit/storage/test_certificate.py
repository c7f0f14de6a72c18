"""The certificate of a run's own server: who believes it, and by which names."""

import ssl

import pytest

from acceptance.storage.certificate import Issued, issue

NAMES = ("minio", "minio.a-namespace.svc", "127.0.0.1")


@pytest.fixture(scope="module")
def issued() -> Issued:
    return issue(NAMES)


def connect(issued, authority, name, folder):
    """Have a client that asks for the name, and believes the authority alone, meet the server; raises what it does."""
    for file, text in (("certificate", issued.certificate), ("key", issued.key)):
        (folder / file).write_text(text)
    ours, theirs = ssl.create_default_context(cadata=authority), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT  # as Python does from 3.13 on
    theirs.load_cert_chain(folder / "certificate", folder / "key")
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, server = ours.wrap_bio(back, there, server_hostname=name), theirs.wrap_bio(there, back, server_side=True)
    for side in (client, server, client, server, client):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
    return client.getpeercert()


@pytest.mark.parametrize("name", NAMES)
def test_who_has_the_authority_believes_each_name(issued, name, tmp_path):
    assert connect(issued, issued.authority, name, tmp_path)


@pytest.mark.parametrize("name", ["elsewhere", "127.0.0.2", "minio.another-namespace.svc"])
def test_nobody_believes_another_name(issued, name, tmp_path):
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        connect(issued, issued.authority, name, tmp_path)


def test_who_has_another_runs_authority_does_not_believe_it(issued, tmp_path):
    with pytest.raises(ssl.SSLCertVerificationError, match="certificate verify failed"):
        connect(issued, issue(NAMES).authority, "minio", tmp_path)


def test_the_private_key_is_shown_nowhere(issued):
    assert "PRIVATE" in issued.key
    assert "PRIVATE" not in repr(issued)
