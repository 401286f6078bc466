"""``shutterbus-viewer sessions``: who is logged in where, and withdrawing that."""

import argparse
import json
import time
from datetime import UTC, datetime

from shutterbus_viewer.accounts.command import opened_database
from shutterbus_viewer.accounts.sessions import Session, all_sessions, end_in
from shutterbus_viewer.errors import ViewerError


def sessions(options: argparse.Namespace) -> str:
    """List the sessions, or end some; return what to say."""
    if options.action == "end" and not options.ids:
        raise ViewerError("Which session is to be ended? `shutterbus-viewer sessions list` says their ids.")
    if options.action == "list" and options.ids:
        raise ViewerError("`sessions list` takes no ids; `sessions end` does.")
    with opened_database() as (database, _):
        if options.action == "list":
            lasting = [each for each in all_sessions(database) if each.ends_at_us > time.time_ns() // 1000]
            return _listed(lasting, as_json=options.json)
        said: list[str] = []
        for identity in options.ids:
            ended = end_in(database, identity)
            if ended is None:
                raise ViewerError("\n".join([*said, f"There is no session {identity}."]))
            said.append(f"The session {identity} of {ended.user} has ended.")
    return "\n".join(said)


def _listed(every: list[Session], *, as_json: bool) -> str:
    if as_json:
        rows = [
            {
                "id": session.id,
                "user": session.user,
                "kiosk": session.kiosk,
                "address": session.address,
                "began_at_us": session.began_at_us or None,
                "ends_at_us": None if session.kiosk else session.ends_at_us,
            }
            for session in every
        ]
        return json.dumps(rows)
    return "\n".join(map(_line, every)) or "Nobody is logged in."


def _line(session: Session) -> str:
    until = "until it is withdrawn (kiosk)" if session.kiosk else f"until {_minute(session.ends_at_us)}"
    began = f"since {_minute(session.began_at_us)}" if session.began_at_us else "since before the upgrade"
    return f"{session.id}  {session.user} from {session.address or '-'}  {began}  {until}"


def _minute(at_us: int) -> str:
    return f"{datetime.fromtimestamp(at_us / 1e6, UTC):%Y-%m-%d %H:%MZ}"
