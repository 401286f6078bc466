"""Groups of cameras: which there are for a user, and making them."""

import sqlite3
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Request, Response
from pydantic import BaseModel, Field

from shutterbus_viewer.accounts.access_log import Event
from shutterbus_viewer.errors import TooManyError
from shutterbus_viewer.groups import MEMBERS_MAX, FixedGroupError, Group, GroupError
from shutterbus_viewer.show.access import Action, Principal
from shutterbus_viewer.show.exposure import client_address
from shutterbus_viewer.show.services import get_principal, get_services

router = APIRouter(prefix="/api/groups")

GroupName = Annotated[str, Path(description="Name of a group.")]


class Members(BaseModel):
    """What belongs to a group."""

    members: list[str] = Field(
        max_length=MEMBERS_MAX, description="Names of cameras, and patterns in which * stands for anything."
    )


@router.get("")
async def list_groups(request: Request) -> dict[str, Any]:
    """The groups that have cameras for you, by name; ``fixed``: the settings name it. ``may_edit``: whether you may make some."""
    services, principal = get_services(request), get_principal(request)
    seen = (_seen_by(principal, group) for group in services.groups.all())
    return {
        "groups": [
            {"name": group.name, "members": group.members, "fixed": group.fixed} for group in seen if group
        ],
        "may_edit": principal.cameras is None and services.policy.allows(principal, Action.OPERATE),
    }


@router.put("/{group}")
async def save_group(request: Request, group: GroupName, wanted: Members) -> dict[str, Any]:
    """Make a group, or change its members; for the role operate."""
    _note_editor(request)
    try:
        made = Group(group, tuple(dict.fromkeys(wanted.members)))
        await get_services(request).groups.save(made)
    except GroupError as error:
        raise HTTPException(422, str(error)) from error
    except (FixedGroupError, TooManyError) as error:
        raise HTTPException(409, str(error)) from error
    except sqlite3.Error as error:
        raise HTTPException(503, f"the group cannot be kept now: {error}") from error
    return {"name": made.name, "members": made.members, "fixed": False}


@router.delete("/{group}", status_code=204)
async def remove_group(request: Request, group: GroupName) -> Response:
    """Remove a group; its cameras stay. For the role operate."""
    _note_editor(request)
    try:
        if not await get_services(request).groups.remove(group):
            raise HTTPException(404, f"there is no group {group[:60]}")
    except FixedGroupError as error:
        raise HTTPException(409, str(error)) from error
    except sqlite3.Error as error:
        raise HTTPException(503, f"the group cannot be removed now: {error}") from error
    return Response(status_code=204)


def _seen_by(principal: Principal, group: Group) -> Group | None:
    """Return *group* as *principal* may know it: a pattern, or another camera's name, would tell more."""
    if principal.cameras is None:
        return group
    members = group.among(principal.cameras)
    return Group(group.name, members, group.fixed) if members else None


def _note_editor(request: Request) -> None:
    """Write down who changes groups; raise HTTPException where somebody does not see all that they are made of."""
    services, principal = get_services(request), get_principal(request)
    if principal.cameras is not None:
        raise HTTPException(
            403, f"{principal.user} may see some cameras only, and groups are for all of them"
        )
    address = client_address(request.scope, services.exposure)
    services.accounts.log.note(Event.GROUP, user=principal.user, address=address)
