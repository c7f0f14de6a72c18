"""A settings file: what it may hold, what is refused with file, line and fix, and which place wins."""

from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

from acceptance.errors import BadSetting
from acceptance.options import read_settings
from acceptance.options.finding import open_reader
from acceptance.options.reader import Reader
from acceptance.options.settings_file import MOST_BYTES, read_file
from acceptance.options.table import Option
from acceptance.options.toml_text import BadToml, read_toml

TARGETS = ["embedded", "docker", "existing", "kind", "k3d"]
LABEL = Option("--label", "a label", many=True)


def write(folder, text, name="site.toml"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def read(folder, text, environment=None, **given):
    return read_settings(given, TARGETS, environment or {}, read_file(write(folder, text), "site.toml"))


def refusal(folder, text, environment=None, **given):
    with pytest.raises(BadSetting) as caught:
        read(folder, text, environment, **given)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700
    return str(caught.value)


# --- what it may hold


def test_it_holds_texts_numbers_and_flags(tmp_path):
    text = 'target = "existing"\nkube-context = "lab"\nrate = 300\nkeep = true\nrequire-gpu = false\n'
    settings = read(tmp_path, text)
    assert (settings.target, settings.kube_context, settings.rate) == ("existing", "lab", 300)
    assert (settings.keep, settings.require_gpu) == (True, False)


@pytest.mark.parametrize("text", ["", "# nothing\n\n", "\ufeffrate = 100\n", "rate = 100\r\n"])
def test_an_empty_file_a_mark_and_other_line_ends_are_taken(tmp_path, text):
    assert read(tmp_path, text).rate == (100 if "rate" in text else 600)


def test_relative_paths_begin_at_the_files_folder(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "images.yaml").touch()
    settings = read(tmp_path, 'cifar10 = "data"\nimages = "images.yaml"\nreport = "out/here"\n')
    assert settings.cifar10 == tmp_path / "data"
    assert settings.images == tmp_path / "images.yaml"
    assert settings.report == tmp_path / "out/here"


def test_relative_paths_of_other_places_begin_where_pytest_was_started(tmp_path):
    settings = read(tmp_path, 'report = "out"\n', {"ACCEPTANCE_REPORT": "there"})
    assert settings.report == Path("there").absolute()
    assert read(tmp_path, 'report = "/whole"\n').report == Path("/whole")


def test_a_path_in_it_has_its_variables_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("WHERE", "/made/up")
    assert read(tmp_path, 'report = "$WHERE/report"\n').report == Path("/made/up/report")


def test_an_option_that_may_be_given_several_times_takes_a_list(tmp_path):
    file = read_file(write(tmp_path, 'label = ["a=b", "c=two words"]\n'), "site.toml", [LABEL])
    how = 'site.toml:1: label = ["a=b", "c=two words"]'
    assert Reader({}, {}, file, [LABEL]).each("label") == [("a=b", how), ("c=two words", how)]
    empty = read_file(write(tmp_path, "label = []\n"), "site.toml", [LABEL])
    assert Reader({}, {}, empty, [LABEL]).each("label") == []


# --- what is refused


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\nrate = 6_000_000", "site.toml:2: rate = 6000000: must be a whole number of requests a second from 1 to"),
        ("rate = -5", "site.toml:1: rate = -5: must be a whole number of requests a second"),
        ('target = "moon"', 'site.toml:1: target = "moon": unknown; choose one of embedded, docker, existing'),
        ('cifar10 = "no-such"', 'site.toml:1: cifar10 = "no-such": no such file or folder'),
        ('images = "/dev/zero"', 'site.toml:1: images = "/dev/zero": a folder, a device or a pipe; name a file'),
        ('store = "models"', 'site.toml:1: store = "models": no place in an object store'),
        (
            'kube-context = "lab"',
            'site.toml:1: kube-context = "lab": only --target existing uses it, and the target is embedded',
        ),
        ("rate = 1\nduration = 9", "site.toml:1: rate = 1 site.toml:2: duration = 9: 9 requests are too few"),
    ],
)
def test_values_are_checked_as_on_the_command_line(tmp_path, text, words):
    assert refusal(tmp_path, text).startswith(words)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("target = 3", 'target = 3: must be a text in quotes, such as target = "embedded"'),
        ("kube-context = true", 'kube-context = true: must be a text in quotes, such as kube-context = "..."'),
        ("report = 1.5", "report = 1.5: must be a text in quotes"),
        ("cluster = 2026-01-02", "cluster = 2026-01-02: must be a text in quotes"),
        ('target = ["kind", "k3d"]', 'target = ["kind", "k3d"]: takes one value, no list; write target = "..."'),
        ("target = {name = 1}", "target = {...}: must be a text in quotes"),
        ("target.name = 1", "target = {...}: must be a text in quotes"),
        ("[target]\nname = 1", "target = {...}: must be a text in quotes"),
        ('rate = "600"', 'rate = "600": must be a whole number of requests a second from 1 to 100000, without quotes'),
        ("rate = 600.0", "rate = 600.0: must be a whole number"),
        ("rate = inf", "rate = inf: must be a whole number"),
        ("rate = true", "rate = true: must be a whole number"),
        ("rate = [600]", "rate = [600]: must be a whole number"),
        (f"rate = 0x{'f' * 5000}", "rate = a number beyond 64 bits: must be a whole number"),
        ('keep = "yes"', 'keep = "yes": neither yes nor no; write true or false, without quotes'),
        ("keep = 1", "keep = 1: neither yes nor no; write true or false"),
        ('cluster = ""', 'cluster = "": empty; leave it out, or give it a value'),
        (r'report = "a\u0000b"', r'report = "a\u0000b": has a control character; leave it out'),
        ('settings = "other.toml"', "settings: a settings file names no other; give --settings on the command line"),
        ("show-settings = true", "show-settings: it would keep every run from starting; give --show-settings on"),
    ],
)
def test_a_wrong_type_is_refused_with_what_would_do(tmp_path, line, words):
    assert refusal(tmp_path, f"# first\n{line}\n").startswith(f"site.toml:2: {words}")


@pytest.mark.parametrize("value", ['"one"', "[1]", '[["one"]]', "true", "{a = 1}"])
def test_an_option_that_may_be_given_several_times_takes_nothing_but_a_list_of_texts(tmp_path, value):
    with pytest.raises(BadSetting, match=r'^site.toml:1: label = .*: must be a list of texts, such as label = \["one"'):
        read_file(write(tmp_path, f"label = {value}\n"), "site.toml", [LABEL])


def test_an_empty_text_in_a_list_is_refused(tmp_path):
    with pytest.raises(BadSetting, match=r'site.toml:1: label = \["a", ""\]: empty'):
        read_file(write(tmp_path, 'label = ["a", ""]\n'), "site.toml", [LABEL])


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("kube_context", "kube-context"),
        ("kube-contxt", "kube-context"),
        ("Target", "target"),
        ("--target", "target"),
        ("requireGPU", "require-gpu"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_known_one(tmp_path, key, nearest):
    message = refusal(tmp_path, f'rate = 100\n{key} = "lab"\n')
    assert message == f"site.toml:2: {key}: unknown; the nearest known one is {nearest}"


def test_a_table_is_refused_with_a_reason(tmp_path):
    message = refusal(tmp_path, '[acceptance]\ntarget = "kind"\n')
    assert message.startswith("site.toml:1: acceptance: unknown")
    assert message.endswith("; options are not in tables")


def test_a_key_with_control_characters_is_shown_without_them(tmp_path):
    message = refusal(tmp_path, r'"a\u001b[31m\nb" = 1')
    assert message.startswith(r'site.toml:1: "a\u001b[31m\nb": unknown')


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("rate = 1\ntarget = existing\n", 2, 'text takes quotes, such as target = "existing"'),
        ("rate = 1\n\nrate = 2\n", 3, "this key was there before; leave one out"),
        ("rate = 1\nrate = 2", 2, "this key was there before; leave one out"),
        ('target = "kind\nrate = 1\n', 1, "not TOML"),
        ("target\n", 1, "not TOML"),
        ("rate = 1\nimages = [\n'a'\n", 3, "not TOML"),
        (f"rate = {'9' * 5000}\n", 1, "too large to be read"),
        (f"images = {'[' * 9000}\n", 1, "too large to be read"),
    ],
)
def test_what_is_no_toml_is_refused_with_its_line(tmp_path, text, line, words):
    message = refusal(tmp_path, text)
    assert message.startswith(f"site.toml:{line}: ")
    assert words in message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"rate = 1\n# caf\xe9\n", "site.toml:2: not UTF-8, as TOML is; save it as UTF-8"),
        (b"#" * (MOST_BYTES + 1), "site.toml: more than 64 KiB, so no settings file"),
        (b"#" * MOST_BYTES + b"\xff", "site.toml: more than 64 KiB, so no settings file"),
    ],
)
def test_a_file_that_is_no_text_or_too_large_is_refused(tmp_path, content, words):
    assert refusal(tmp_path, content).startswith(words)


def test_a_file_as_large_as_may_be_is_read(tmp_path):
    assert read(tmp_path, b"#" * (MOST_BYTES - 11) + b"\nrate = 100").rate == 100


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/", "/: a folder, a device or a pipe; name a file"),
        ("/dev/zero", "/dev/zero: a folder, a device or a pipe; name a file"),
        ("/no/such", "/no/such: can't be read (No such file or directory); name another with --settings"),
        ("/proc/self/mem", "/proc/self/mem: can't be read (Input/output error); name another with --settings"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name(path, words):
    with pytest.raises(BadSetting) as caught:
        read_file(Path(path))
    assert str(caught.value) == words


# --- which file


def test_the_folders_own_file_is_found_where_one_is_looked_for(tmp_path):
    write(tmp_path, "rate = 100\n", "acceptance.toml")
    assert open_reader({}, {}, tmp_path).text("rate") == ("100", "acceptance.toml:1: rate = 100")
    assert open_reader({}, {}, None).file is None
    assert open_reader({}, {"ACCEPTANCE_SETTINGS": "none"}, tmp_path).file is None


def test_a_folder_without_one_has_none(tmp_path):
    assert open_reader({}, {}, tmp_path).file is None


def test_a_named_file_takes_the_place_of_the_folders_own(tmp_path):
    write(tmp_path, "no toml", "acceptance.toml")
    other, typed = write(tmp_path, "rate = 200\n", "other.toml"), write(tmp_path, "rate = 300\n", "typed.toml")
    variable = {"ACCEPTANCE_SETTINGS": str(other)}
    assert open_reader({}, variable, tmp_path).text("rate") == ("200", f"{other}:1: rate = 200")
    assert open_reader({"settings": str(typed)}, variable, tmp_path).text("rate")[0] == "300"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("/no/such.toml", "--settings /no/such.toml: no such file or folder"),
        ("/dev", "--settings /dev: a folder, a device or a pipe; name a file"),
        ("/dev/zero", "--settings /dev/zero: a folder, a device or a pipe; name a file"),
    ],
)
def test_a_named_file_that_is_none_is_refused(given, words):
    with pytest.raises(BadSetting) as caught:
        open_reader({"settings": given}, {})
    assert str(caught.value) == words
    with pytest.raises(BadSetting, match=f"^ACCEPTANCE_SETTINGS={given}: "):
        open_reader({}, {"ACCEPTANCE_SETTINGS": given})


def test_an_own_file_that_is_none_is_refused(tmp_path):
    own = tmp_path / "acceptance.toml"
    own.mkdir()
    with pytest.raises(BadSetting, match=r"^acceptance.toml: a folder, a device or a pipe; name a file"):
        open_reader({}, {}, tmp_path)
    own.rmdir()
    own.symlink_to("nowhere")
    with pytest.raises(BadSetting, match=r"^acceptance.toml: can't be read \(No such file or directory\)"):
        open_reader({}, {}, tmp_path)


# --- lines


HARD = (
    r"""# a = 0
a = '''
b = 1 # no key
"['''

"q.k" = [ # ]
  "]", # "
  '"', """
    + '"""\nc = 2""", "\\"#["\n]\n'
    + """
d.x = 1
d.y = {a = [
1]}
'e' = '''
f = 1'''''
  f = "\\"#["
[g]
a1 = 1
[g.h]
i = [[
1]]
[[j]]
a = 1
"""
)


def test_each_key_has_its_line_whatever_comes_before_it():
    lines = {key: line for key, (line, _) in read_toml(HARD).items()}
    assert lines == {"a": 2, "q.k": 6, "d": 12, "e": 15, "f": 17, "g": 18, "j": 23}


PIECES = (
    ("a", 'a = 1 # = "[\n'),
    ("b", 'b = """x = 1\n""\\"""" # c\n'),
    ("c", "c = ['''[\ny = 1''', # ]\n ]\n"),
    ("d", "'d' . e = {f = [\"}\", '{']}\n"),
    ("g", '"\\u0067" = "\\\\" # "\n'),
    ("", "\n  # z = [\n"),
)


@settings(max_examples=100, deadline=None, database=None)
@given(strategies.permutations(PIECES), strategies.sampled_from(("\n", "\r\n")))
def test_lines_are_right_in_whatever_order(pieces, line_end):
    expected, text = {}, ""
    for key, piece in pieces:
        expected[key] = text.count("\n") + 1
        text += piece
    del expected[""]
    assert {key: line for key, (line, _) in read_toml(text.replace("\n", line_end)).items()} == expected


def test_a_large_list_is_read_in_no_time():
    text = "a = [\n" + "[],\n" * 15_000 + "]\nb = 1\n"
    found = read_toml(text)
    assert (found["a"][0], found["b"][0]) == (1, 15_003)


def test_a_duplicate_of_a_table_has_its_line():
    with pytest.raises(BadToml) as caught:
        read_toml("[a]\n[b]\n[a]\nx = 1\n")
    assert caught.value.line == 3
