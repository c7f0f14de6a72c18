"""The options of how pods reach what is outside: what they become, and what is refused before anything starts."""

import pytest

from acceptance.errors import BadSetting
from acceptance.options import read_settings
from acceptance.options.settings_file import read_file
from acceptance.settings import Egress
from acceptance.storage.certificate import issue

CLUSTERS = ["embedded", "docker", "kind", "k3d", "existing"]
PROXY = "http://proxy.corp.example:3128"
WORD = "hunter2hunter2"
SECRET = f"http://ann:{WORD}@proxy.corp.example:3128"


def egress(environment=None, **given):
    return read_settings({"target": "existing", **given}, CLUSTERS, environment or {}).pods.egress


def refusal(environment=None, **given):
    with pytest.raises(BadSetting) as caught:
        egress(environment, **given)
    return str(caught.value)


@pytest.fixture(scope="module")
def issued():
    return issue(["store.example"])


def test_pods_get_nothing_unless_a_site_says_so():
    assert egress() == Egress()
    assert not egress()


def test_each_option_becomes_what_pods_are_to_get(tmp_path, issued):
    file = tmp_path / "corp.pem"
    file.write_text(f"# of Ångström AG\n{issued.authority}")
    found = egress(proxy=f"{PROXY}/", no_proxy="Store.example, *.corp.example,.corp.example,10.0.0.0/8", ca=str(file))
    assert found == Egress(PROXY, ("store.example", ".corp.example", "10.0.0.0/8"), file)
    assert found


def test_a_password_is_taken_from_the_variable_and_not_shown():
    found = egress({"ACCEPTANCE_PROXY": SECRET})
    assert found.proxy == SECRET
    assert WORD not in repr(found)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("proxy.corp.example:3128", "--proxy proxy.corp.example:3128: must be http://HOST:PORT"),
        ("https://proxy.corp.example:3128", "don't all speak TLS or SOCKS"),
        ("socks5://proxy.corp.example:1080", "must be http://HOST:PORT"),
        ("http://proxy.corp.example", "must be http://HOST:PORT"),
        ("http://proxy.corp.example:0", "must be http://HOST:PORT"),
        ("http://proxy.corp.example:99999", "must be http://HOST:PORT"),
        ("http://:3128", "must be http://HOST:PORT"),
        (f"{PROXY}/path", "must be http://HOST:PORT"),
        (f"{PROXY}?a=b", "must be http://HOST:PORT"),
        ("http://pro xy:3128", "must be http://HOST:PORT"),
        ("http://127.0.0.1:3128", "--proxy http://127.0.0.1:3128: is this machine's own, which pods can't reach"),
    ],
)
def test_what_is_no_proxy_for_pods_is_named(value, words):
    assert words in refusal(proxy=value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (SECRET, "set ACCEPTANCE_PROXY to it instead"),
        (f"http://ann:{WORD[:4]}/{WORD}@proxy.corp.example:3128", "written as %XX"),
    ],
)
def test_a_password_on_the_command_line_is_refused_and_not_quoted(url, words):
    said = refusal(proxy=url)
    assert said.startswith("--proxy: ")
    assert words in said
    assert WORD not in said


@pytest.mark.parametrize("url", [f"http://{WORD}@proxy.example:3128", f"http://:{WORD}@proxy.example:3128"])
def test_half_a_login_is_refused_and_not_quoted(url):
    said = refusal({"ACCEPTANCE_PROXY": url})
    assert said.startswith("ACCEPTANCE_PROXY: has a user without a password")
    assert WORD not in said


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f'proxy = "{SECRET}"', "holds what looks like a secret"),
        (f'proxy-password = "{WORD}"', "a secret has no place in a file; set the variable ACCEPTANCE_PROXY"),
        (f'ACCEPTANCE_PROXY = "{SECRET}"', "set the variable ACCEPTANCE_PROXY"),
    ],
)
def test_a_password_in_a_settings_file_is_refused_with_the_variable(tmp_path, line, words):
    path = tmp_path / "site.toml"
    path.write_text(f"{line}\n")
    with pytest.raises(BadSetting, match=words) as caught:
        read_file(path, "site.toml")
    assert "ACCEPTANCE_PROXY" in str(caught.value)
    assert WORD not in str(caught.value)


def test_a_user_alone_in_a_settings_file_is_refused_too(tmp_path):
    path = tmp_path / "site.toml"
    path.write_text('proxy = "http://ann@proxy.example:3128"\n')
    with pytest.raises(BadSetting, match="--proxy: has a user or a password in it"):
        read_settings({"target": "existing"}, CLUSTERS, {}, read_file(path))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a.example b.example", "a.example b.example is no host, domain or network"),
        ("https://a.example", "https://a.example is no host"),
        ("10.0.0.0/33", "10.0.0.0/33 is no host"),
        ("a.example,*", "* excepts everything"),
        ("*a.example", "*a.example is no host"),
    ],
)
def test_what_is_no_exception_is_named(value, words):
    said = refusal(proxy=PROXY, no_proxy=value)
    assert said.startswith(f"--no-proxy {value}: ")
    assert words in said


def test_exceptions_without_a_proxy_are_refused():
    assert refusal(no_proxy="a.example").startswith("--no-proxy a.example: only --proxy uses it")


def test_a_file_that_is_no_authority_is_named(tmp_path, issued):
    file = tmp_path / "corp.pem"
    broken = issued.authority.replace("MII", "!!!", 1)
    for content, words in (
        (b"", "can't be read as certificates (NO_CERTIFICATE_OR_CRL_FOUND)"),
        (b"not PEM\n", "can't be read as certificates"),
        (b"\xff\xfe", "can't be read as certificates"),
        (broken.encode(), "can't be read as certificates"),
        ((issued.authority + broken).encode(), "can't be read as certificates"),
        ((issued.authority + issued.key).encode(), "has a private key in it"),
        (issued.authority.encode() + b"#" * (1 << 19), "more than 512 KiB"),
    ):
        file.write_bytes(content)
        said = refusal(ca=str(file))
        assert said.startswith(f"--ca {file}: "), content[:40]
        assert words in said
    assert "no such file" in refusal(ca=str(tmp_path / "none"))
