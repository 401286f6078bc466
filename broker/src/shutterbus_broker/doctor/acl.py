"""The file that tells Mosquitto who may do what, compared with who was enrolled: nothing here asks a broker anything."""

from pathlib import Path

from shutterbus_runtime.checks import CheckResult, failure, ok

FILE = Path("state/mosquitto/acl")
AGAIN = "make init && docker compose up -d --force-recreate mosquitto"
"""What writes the file anew, and has Mosquitto read it."""
_SHOWN = 3


def judge(file_text: str, wanted: str) -> CheckResult:
    """Whether the file gives each the rights that *wanted*, as ``enroll`` would write it, gives them, and no others."""
    given, meant = _rights(file_text), _rights(wanted)
    if missing := [right for right in meant if right not in given]:
        return failure(f"missing in {FILE}: {_listed(missing)}", AGAIN)
    if extra := [right for right in given if right not in meant]:
        return failure(f"given in {FILE} and not meant to be: {_listed(extra)}", AGAIN)
    return ok(f"{FILE} gives each what it should and nothing else")


def _rights(text: str) -> list[str]:
    """Return each right in words, ``gate.1 may write shutterbus/gate/frames``; a line of another kind as it is."""
    user, rights = "anybody", []
    for words in filter(None, map(str.split, text.splitlines())):
        match words:
            case ["user", name]:
                user = name
            case ["topic", *what]:
                rights.append(f"{user} may {' '.join(what)}")
            case [first, *_] if not first.startswith("#"):
                rights.append(" ".join(words))
    return rights


def _listed(rights: list[str]) -> str:
    more = f" and {len(rights) - _SHOWN} more" if len(rights) > _SHOWN else ""
    return "; ".join(rights[:_SHOWN]) + more
