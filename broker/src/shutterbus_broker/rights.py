"""What each identity may do on Kafka, and how much of its disk and time.

Kafka acts on a change at once, on open connections as well.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from shutterbus_broker import legacy
from shutterbus_broker.errors import SetupError
from shutterbus_broker.identities import Identities
from shutterbus_transport.kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    AlterClientQuotasRequest,
    KafkaAdminClient,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
    errors,
)

# Entries for other names are somebody else's, and none of ours to remove.
_OURS = re.compile(rf"User:([a-z0-9][a-z0-9-]{{0,47}}\.(service|(reader\.)?\d+)|{legacy.ANYBODY})")
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """How the rights that Kafka gives differ from those that are meant, each in words.

    *strangers* are rights of names that are none of ours.
    """

    missing: tuple[str, ...]
    extra: tuple[str, ...]
    strangers: tuple[str, ...]


def difference(
    admin: KafkaAdminClient, identities: Identities, legacy_topics: Sequence[str] = ()
) -> Difference:
    """Return what ``ensure_rights`` would change."""
    wanted = {_key(entry): entry for entry in _entries(identities, legacy_topics)}
    present = {_key(entry): entry for entry in _present(admin)}
    ours = {key: entry for key, entry in present.items() if _OURS.fullmatch(entry.principal)}
    return Difference(
        missing=tuple(sorted(_words(entry) for key, entry in wanted.items() if key not in ours)),
        extra=tuple(sorted(_words(entry) for key, entry in ours.items() if key not in wanted)),
        strangers=tuple(sorted(_words(entry) for key, entry in present.items() if key not in ours)),
    )


def ensure_rights(
    admin: KafkaAdminClient, identities: Identities, legacy_topics: Sequence[str] = ()
) -> Iterator[str]:
    """Give every identity its rights and take all others away; yield a sentence for each name that changed."""
    wanted = {_key(entry): entry for entry in _entries(identities, legacy_topics)}
    present = {_key(entry): entry for entry in _present(admin) if _OURS.fullmatch(entry.principal)}
    extra = [entry for key, entry in present.items() if key not in wanted]
    missing = [entry for key, entry in wanted.items() if key not in present]
    meant = {entry.principal for entry in wanted.values()}
    # First those who may do nothing any more: a revoked device is why somebody is waiting. One that keeps some rights
    # is given the new ones before the old ones go, so that nothing it sends meanwhile is refused.
    _take_away(admin, [entry for entry in extra if entry.principal not in meant])
    for batch in _batches(missing):
        if failed := admin.create_acls(batch)["failed"]:
            raise SetupError(f"Kafka could not give rights: {failed[0].__name__}")
    _take_away(admin, [entry for entry in extra if entry.principal in meant])
    for principal in sorted({entry.principal for entry in extra} - meant):
        yield f"{principal.removeprefix('User:')}: all rights on Kafka taken away"
    for principal in sorted({entry.principal for entry in missing}):
        yield f"{principal.removeprefix('User:')}: rights on Kafka given"


def _take_away(admin: KafkaAdminClient, entries: list[ACL]) -> None:
    for batch in _batches(entries):
        for _, _, error in admin.delete_acls(batch):
            if error is not errors.NoError:
                raise SetupError(f"Kafka could not take rights away: {error.__name__}")


def ensure_quota(admin: KafkaAdminClient, bytes_per_second: int) -> None:
    """Let no user send more than this; a broker slows it down instead of filling its disk."""
    request = AlterClientQuotasRequest(
        entries=[
            AlterClientQuotasRequest.EntryData(
                entity=[AlterClientQuotasRequest.EntryData.EntityData(entity_type="user", entity_name=None)],
                ops=[
                    AlterClientQuotasRequest.EntryData.OpData(
                        key="producer_byte_rate", value=float(bytes_per_second), remove=False
                    )
                ],
            )
        ],
        validate_only=False,
    )
    # The admin client has the request but no method for it.
    answer = admin._manager.run(admin._manager.send, request)  # noqa: SLF001
    for entry in answer.entries:
        if entry.error_code:
            error = errors.for_code(entry.error_code)
            raise SetupError(
                f"Kafka could not limit what a user sends: {entry.error_message or error.__name__}"
            )


def _present(admin: KafkaAdminClient) -> Sequence[ACL]:
    everything = ACLFilter(
        None,
        None,
        ACLOperation.ANY,
        ACLPermissionType.ANY,
        ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY),
    )
    entries: Sequence[ACL] = admin.describe_acls(everything)[0]
    return entries


def _words(entry: ACL) -> str:
    pattern = entry.resource_pattern
    every = "*" if pattern.pattern_type is ACLResourcePatternType.PREFIXED else ""
    deny = " not" if entry.permission_type is ACLPermissionType.DENY else ""
    return (
        f"{entry.principal.removeprefix('User:')} may{deny} {entry.operation.name} "
        f"{pattern.resource_type.name.lower()} {pattern.resource_name}{every}"
    )


def _entries(identities: Identities, legacy_topics: Sequence[str]) -> Iterator[ACL]:
    for name, rights in (*identities.rights(), *legacy.rights(legacy_topics)):
        for right in rights.kafka:
            pattern = ACLResourcePatternType.PREFIXED if right.prefixed else ACLResourcePatternType.LITERAL
            yield ACL(
                f"User:{name}",
                "*",
                ACLOperation[right.operation],
                ACLPermissionType.ALLOW,
                ResourcePattern(ResourceType[right.resource], right.name, pattern),
            )


def _key(entry: ACL) -> tuple[object, ...]:
    pattern = entry.resource_pattern
    return (
        entry.principal,
        entry.host,
        entry.operation,
        entry.permission_type,
        pattern.resource_type,
        pattern.resource_name,
        pattern.pattern_type,
    )


def _batches(entries: list[ACL]) -> Iterator[list[ACL]]:
    for at in range(0, len(entries), _BATCH):
        yield entries[at : at + _BATCH]
