"""What each identity may do on Mosquitto, as its ACL file."""

from shutterbus_broker.identities import Identities


def acl(identities: Identities) -> str:
    """Return the file. A user that is not in it may do nothing, and there are no anonymous ones."""
    lines = ["# Written by enroll, revoke and init; Mosquitto reads it on SIGHUP."]
    for user, rights in identities.rights():
        lines += [
            "",
            f"user {user}",
            *(f"topic {right.access} {right.topic_filter}" for right in rights.mqtt),
        ]
    return "\n".join([*lines, ""])
