"""What each identity may do on Mosquitto, as its ACL file."""

from collections.abc import Sequence

from shutterbus_broker import legacy
from shutterbus_broker.identities import Identities


def acl(identities: Identities, legacy_topics: Sequence[str] = ()) -> str:
    """Return the file. A user that is not in it may do nothing, and there are no anonymous ones.

    What old clients may do stands in a file of their own, since they could call themselves by any name in this one.
    """
    lines = ["# Written by enroll, revoke and init; Mosquitto reads it on SIGHUP."]
    known = [(user, rights) for user, rights in legacy.rights(legacy_topics) if user != legacy.ANYBODY]
    for user, rights in (*identities.rights(), *known):
        lines += [
            "",
            f"user {user}",
            *(f"topic {right.access} {right.topic_filter}" for right in rights.mqtt),
        ]
    return "\n".join([*lines, ""])
