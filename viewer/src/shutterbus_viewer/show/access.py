"""Who may do what: the one policy that every route and every socket passes.

``ACTIONS`` names what each route does. A route that is not in it is shut to everybody, and a test fails.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from starlette.routing import compile_path

from shutterbus_viewer.accounts.users import Role, User


class Action(StrEnum):
    """What a request does."""

    LOOK = "look"
    OPERATE = "operate"
    ADMINISTER = "administer"


ENOUGH = {
    Action.LOOK: frozenset(Role),
    Action.OPERATE: frozenset({Role.OPERATE, Role.ADMIN}),
    Action.ADMINISTER: frozenset({Role.ADMIN}),
}

KIOSK_ROLES = frozenset({Role.LOOK})
"""Who may stay signed in on a screen for good: it hangs where anybody can touch it."""

ACTIONS = {
    "/": Action.LOOK,
    "/stills": Action.LOOK,
    "/cameras/{name}": Action.LOOK,  # whoever may not see the camera is told what others are told of one that is not known
    "/static/{file:path}": Action.LOOK,
    "/logout": Action.LOOK,
    "/api/cameras": Action.LOOK,
    "/api/cameras/{camera}": Action.LOOK,
    "/api/cameras/{camera}/latest.jpg": Action.LOOK,
    "/api/cameras/{camera}/days": Action.LOOK,
    "/api/cameras/{camera}/buckets": Action.LOOK,
    "/api/cameras/{camera}/frames": Action.LOOK,
    "/api/cameras/{camera}/frames.zip": Action.LOOK,
    "/api/cameras/{camera}/frames/{frame}.jpg": Action.LOOK,
    "/api/cameras/{camera}/frames/{frame}.json": Action.LOOK,
    "/api/cameras/{camera}/readings": Action.LOOK,
    "/api/cameras/{camera}/sheets/{hour}.jpg": Action.LOOK,
    "/api/cameras/{camera}/sheets/{hour}.json": Action.LOOK,
    "/api/cameras/{camera}/stream.mjpg": Action.LOOK,
    "/api/buckets": Action.LOOK,  # of those that are allowed
    "/api/archive": Action.LOOK,  # lists those that are allowed
    "/api/groups": Action.LOOK,
    "/api/groups/{group}": Action.OPERATE,
    "/api/live": Action.LOOK,
    "/api/log": Action.ADMINISTER,
    "/readyz": Action.LOOK,
    "/metrics": Action.LOOK,
    "/openapi.json": Action.LOOK,
}
"""By path, of those that need a login. What names a ``{camera}`` is about that camera; lists show what is allowed."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks.

    Attributes:
        cameras: What the user may know of; None: all.
    """

    user: str
    role: Role
    cameras: frozenset[str] | None = None

    @classmethod
    def of(cls, user: User) -> "Principal":
        return cls(user.name, user.role, user.cameras)

    def may_see(self, camera: str) -> bool:
        """Whether *camera* exists as far as this user knows."""
        return self.cameras is None or camera in self.cameras


class AccessPolicy:
    """The rules; has no state."""

    def __init__(self) -> None:
        self._patterns = [(compile_path(path)[0], action) for path, action in ACTIONS.items()]

    def of_path(self, path: str) -> tuple[Action, str | None] | None:
        """Return what a request of *path* does, and with which camera if with one; None: nobody may ask that."""
        for pattern, action in self._patterns:
            if match := pattern.match(path):
                return action, match.groupdict().get("camera")
        return None

    def allows(self, principal: Principal, action: Action, camera: str | None = None) -> bool:
        """Whether *principal* may do *action*, with *camera* where it is about one."""
        return principal.role in ENOUGH[action] and (camera is None or principal.may_see(camera))

    def visible(self, principal: Principal, cameras: Iterable[str]) -> list[str]:
        """Return those of *cameras* that *principal* may look at, in their order."""
        return [camera for camera in cameras if self.allows(principal, Action.LOOK, camera)]
