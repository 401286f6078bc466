"""``.env`` means the same to us and to Compose, line by line."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from machine import needs_tool
from shutterbus_runtime.settings import SettingsError
from shutterbus_runtime.settings.env_file import read_env_file

SHELL = {"SHELL_NAME": "sh", "HOME": "/home/ann"}

FILES: dict[bytes, dict[str, str]] = {
    # What a person writes beside a value.
    b'A="mqtt" # one broker\n': {"A": "mqtt"},
    b"A='x y' # comment\n": {"A": "x y"},
    b"A=x #comment\n": {"A": "x"},
    b"A=x  # y # z\n": {"A": "x"},
    b"A=x#1\n": {"A": "x#1"},
    b"A=x\t#1\n": {"A": "x\t#1"},
    b'A="a#b"\n': {"A": "a#b"},
    b'A="" # empty\n': {"A": ""},
    b'A="a"#b\n': {"A": "a"},
    b'A="a" b\n': {"A": "a"},
    b"\n\n# comment\n\n  A = 1  \n": {"A": "1"},
    b"export A=1\nexport\tB: 2\n": {"A": "1", "B": "2"},
    b"export=1\nexportA=2\n": {"export": "1", "exportA": "2"},
    b"A.B-C[0]=1\n1A=2\n": {"A.B-C[0]": "1", "1A": "2"},
    b"A=1\nA=2\n": {"A": "2"},
    b"A=\n\nB=2": {"A": "", "B": "2"},
    b"A\nSHELL_NAME\nB=1\n": {"SHELL_NAME": "sh", "B": "1"},
    # What editors do.
    b"\xef\xbb\xbfA=1\n": {"A": "1"},
    b"# caf\xe9\nA=1\n": {"A": "1"},
    b"A=caf\xe9\n": {"A": "caf\udce9"},
    b'A="caf\xe9"\nB=\xc3\xa4\n': {"A": "caf\udce9", "B": "ä"},
    b"A=1\r\nB='2'\r\n# c\r\nC=\r\n": {"A": "1", "B": "2", "C": ""},
    b"A=\xc2\xa01\xc2\xa0\n": {"A": "1"},
    # Quotes.
    b"A=it's\n": {"A": "it's"},
    b'A=a"b"\n': {"A": 'a"b"'},
    b'A="a\\"b"\n': {"A": 'a"b'},
    b"A='a\\'b'\n": {"A": "a'b"},
    b'A="x\'y"\n': {"A": "x'y"},
    b"A=\"a\nb\"\nB='c\nd'\n": {"A": "a\nb", "B": "c\nd"},
    b'A="a\\nb\\t\\\\c"\n': {"A": "a\nb\t\\c"},
    b"A='a\\nb\\\\'\nB=a\\nb\n": {"A": "a\\nb\\\\", "B": "a\\nb"},
    b'A="\\0101\\q\\x41\\101\\08"\n': {"A": "A\\q\\x41\\101\\8"},
    # Dollars.
    b"A=p$w\n": {"A": "p"},
    b'A="p$w"\n': {"A": "p"},
    b"A='p$w'\n": {"A": "p$w"},
    b'A=p$$w\nB="p\\$w"\n': {"A": "p$w", "B": "p$w"},
    b"A=p\\$w\n": {"A": "p\\"},
    b"A=p$1$\nB=$(x) $ y\n": {"A": "p$1$", "B": "$(x) $ y"},
    b"B=2\nA=$B${B}x$$$B\n": {"B": "2", "A": "22x$2"},
    b"SHELL_NAME=file\nA=$SHELL_NAME:${HOME}\n": {"SHELL_NAME": "file", "A": "sh:/home/ann"},
    b"B=\nA=${B:-d}${B-e}${C-f}${C:-}\n": {"B": "", "A": "df"},
    b"B=1\nA=${B:+x}${B+y}${C:+z}${C+z}\n": {"B": "1", "A": "xy"},
    b"A=${B:-${C:-e}}${B:-$SHELL_NAME}\n": {"A": "esh"},
    b'A="${B:-a b}" # c\n': {"A": "a b"},
}

WRONG: dict[bytes, str] = {
    b"# one\nA B=1\n": "line 2: NAME=value is expected, and 'A B' is no name",
    b"SS_BROKERS kafka.example.org\n": "is no name",
    b"A$=1\n": "is no name",
    b"=1\n": "is no name",
    b'A="a"; B=2\n': "is no name",
    b'A=1\nB="a\nC=2\n': 'line 2: the value begins with " and does not end with one',
    b"A='a\n": "does not end with one",
    b"A=p${w\n": "has no closing brace; in single quotes a $ stands for itself",
    b"A=p${}w\n": "is no variable; in single quotes",
    b"A=${B:?give one}\n": "B is not set: give one",
    "A=1\n".encode("utf-16"): "save it as UTF-8",
}


@pytest.mark.parametrize("content", FILES)
def test_line_is_read(content: bytes, tmp_path: Path) -> None:
    """Each as Compose does, see below."""
    (tmp_path / ".env").write_bytes(content)
    assert read_env_file(tmp_path / ".env", SHELL) == FILES[content]


@pytest.mark.parametrize("content", WRONG)
def test_line_without_a_meaning_is_named(content: bytes, tmp_path: Path) -> None:
    """With its number and what was expected."""
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(SettingsError) as raised:
        read_env_file(tmp_path / ".env", SHELL)
    assert WRONG[content] in str(raised.value)


def _compose(folder: Path) -> subprocess.CompletedProcess[str]:
    docker = needs_tool("docker", "docker.io")
    command = [docker, "compose", "config", "--format", "json"]
    environment = {**SHELL, "PATH": str(Path(docker).parent), "DOCKER_CONFIG": str(Path.home() / ".docker")}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, errors="replace", check=False
    )


@pytest.mark.stack
def test_compose_reads_every_line_so(tmp_path: Path) -> None:
    """The real one, asked for the environment of a service for each file."""
    needs_tool("docker", "docker-compose-plugin")
    services = {}
    for number, content in enumerate(FILES):
        (tmp_path / f"{number}.env").write_bytes(content)
        services[f"s{number}"] = {"image": "none", "env_file": f"{number}.env"}
    (tmp_path / "compose.yml").write_text(json.dumps({"services": services}))
    answer = _compose(tmp_path)
    assert answer.returncode == 0, answer.stderr
    read = json.loads(answer.stdout)["services"]
    for number, (content, expected) in enumerate(FILES.items()):
        environment = read[f"s{number}"].get("environment") or {}
        # Its JSON writes a dollar twice, null for a name alone that is not set, and U+FFFD for what is not UTF-8.
        theirs = {name: value.replace("$$", "$") for name, value in environment.items() if value is not None}
        ours = {name: re.sub("[\udc80-\udcff]", "\ufffd", value) for name, value in expected.items()}
        assert theirs == ours, content


@pytest.mark.stack
@pytest.mark.parametrize("content", WRONG)
def test_compose_refuses_the_same_lines(content: bytes, tmp_path: Path) -> None:
    """So that a check which passes is followed by a start."""
    needs_tool("docker", "docker-compose-plugin")
    (tmp_path / "compose.yml").write_text(
        json.dumps({"services": {"s": {"image": "none", "env_file": ".env"}}})
    )
    (tmp_path / ".env").write_bytes(content)
    assert _compose(tmp_path).returncode != 0


def test_file_that_is_not_there_has_no_settings(tmp_path: Path) -> None:
    """As before ``make init``."""
    assert read_env_file(tmp_path / ".env") == {}
