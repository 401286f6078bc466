"""Groups of cameras, shown together: named in VIEWER_GROUPS, or made on the wall and kept in the viewer's database."""

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from shutterbus_viewer.accounts.database import Database
from shutterbus_viewer.errors import TooManyError, ViewerError

NAME_MAX_LENGTH = 40
MEMBERS_MAX = 500
GROUPS_MAX = 100
NOT_IN_NAMES = "=;,*/\\"
_MEMBER = re.compile(r"[a-z0-9*-]{1,48}")


class GroupError(ViewerError):
    """What somebody wants to call a group, or to put into it, is impossible."""


class FixedGroupError(ViewerError):
    """A group of the settings cannot be changed on the page."""


@dataclass(frozen=True, slots=True)
class Group:
    """Cameras under one name.

    Attributes:
        members: Names of cameras, and patterns in which * stands for anything.
        fixed: Whether the settings name it.
    """

    name: str
    members: tuple[str, ...]
    fixed: bool = False

    def __post_init__(self) -> None:
        """Raise GroupError where it cannot be called so, or have such members."""
        name = self.name
        forbidden = (
            not name.isprintable() or name != name.strip() or any(sign in name for sign in NOT_IN_NAMES)
        )
        if forbidden or not 0 < len(name) <= NAME_MAX_LENGTH:
            raise GroupError(
                f"{name[:60]!r} is no name for a group: 1 to {NAME_MAX_LENGTH} characters are expected, none of "
                f"{' '.join(NOT_IN_NAMES)}"
            )
        for member in self.members:
            if not _MEMBER.fullmatch(member):
                raise GroupError(
                    f"{member[:60]!r} in the group {name} is no camera: a name such as gate, or a pattern such as roof-*, "
                    "is expected"
                )
        if not 0 < len(self.members) <= MEMBERS_MAX:
            raise GroupError(
                f"The group {name} has {len(self.members)} members: 1 to {MEMBERS_MAX} are expected."
            )

    def has(self, camera: str) -> bool:
        """Whether *camera* belongs to it."""
        return any(fnmatchcase(camera, member) for member in self.members)

    def among(self, cameras: Iterable[str]) -> tuple[str, ...]:
        """Return those of *cameras* that belong to it, sorted."""
        return tuple(sorted(filter(self.has, cameras)))


def groups_of_setting(text: str) -> list[Group]:
    """Return the groups that VIEWER_GROUPS names: ``north=gate,yard;south=roof-*``; raise GroupError where it cannot be read."""
    groups: dict[str, Group] = {}
    for part in filter(None, map(str.strip, text.split(";"))):
        name, equals, members = (word.strip() for word in part.partition("="))
        if not equals or name in groups:
            why = f"names the group {name} twice" if equals else f"has {part[:60]!r}"
            raise GroupError(f"{why}; groups such as north=gate,yard;south=roof-* are expected")
        groups[name] = Group(name, tuple(re.findall(r"[^\s,]+", members)), fixed=True)
    return list(groups.values())


class Groups:
    """All groups, by name. Only on the loop."""

    def __init__(self, database: Database, fixed: Iterable[Group] = ()) -> None:
        self._database = database
        with database.transaction() as connection:
            rows = connection.execute("SELECT name, members FROM camera_groups").fetchall()
        self._groups = {name: Group(name, tuple(members.split())) for name, members in rows}
        self._groups |= {group.name: group for group in fixed}

    def all(self) -> list[Group]:
        """Return them by name."""
        return sorted(self._groups.values(), key=lambda group: (group.name.casefold(), group.name))

    async def save(self, group: Group) -> None:
        """Make *group*, or change that of its name.

        Raises:
            FixedGroupError: The settings name it.
            TooManyError: There are too many already.
            sqlite3.Error: It cannot be kept; nothing is changed.
        """
        self._check_free(group.name)
        if group.name not in self._groups and len(self._groups) >= GROUPS_MAX:
            raise TooManyError(f"there are {GROUPS_MAX} groups already; remove one")
        await self._write(
            "INSERT INTO camera_groups VALUES (?, ?) ON CONFLICT DO UPDATE SET members = excluded.members",
            (group.name, " ".join(group.members)),
        )
        self._groups[group.name] = group

    async def remove(self, name: str) -> bool:
        """Remove the group; return whether there was one. Raises as ``save`` does."""
        self._check_free(name)
        await self._write("DELETE FROM camera_groups WHERE name = ?", (name,))
        return self._groups.pop(name, None) is not None

    def _check_free(self, name: str) -> None:
        if name in self._groups and self._groups[name].fixed:
            raise FixedGroupError(f"VIEWER_GROUPS names the group {name}: change it there")

    async def _write(self, statement: str, values: tuple[str, ...]) -> None:
        def write() -> None:
            with self._database.transaction() as connection:
                connection.execute(statement, values)

        await asyncio.to_thread(write)
