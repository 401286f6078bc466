"""From what the process was given to ``ArchiveSettings``, or to sentences that say what to change."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from shutterbus_archive.settings import ArchiveSettings
from shutterbus_runtime import settings as machinery
from shutterbus_runtime.settings import Loaded, Resolved, SettingsError, sources
from shutterbus_runtime.settings.sources import SECRETS
from shutterbus_transport import TRANSPORTS, transport
from shutterbus_transport.settings import BrokerSettings

PREFIX = "ARCHIVE_"
OF_COMPOSE = ("ARCHIVE_MEMORY", "ARCHIVE_PROPAGATION")
"""Read by compose.server.yml from the same .env; nothing to us."""


def load(
    environ: Mapping[str, str], secrets: Path = SECRETS, env_file: Path = Path(".env")
) -> Loaded[ArchiveSettings]:
    """Return the settings that secrets, *environ* and *env_file* say, in this order.

    Raises:
        SettingsError: With a sentence for each thing to put right.
    """
    given = sources.given(environ, secrets, env_file, (PREFIX,))
    for name in OF_COMPOSE:
        given.pop(name, None)
    resolved = machinery.resolve(ArchiveSettings, given)
    stop, warnings = machinery.unknown(resolved, ArchiveSettings, (PREFIX,))
    warnings += [
        f"{weaker.name} has no effect beside {stronger.name}, which says otherwise."
        for weaker, stronger in resolved.overruled
    ]
    default = ArchiveSettings.model_fields["state_dir"].default
    resolved.values.setdefault("state_dir", sources.state_folder(environ, "archive", default))
    settings = machinery.build(ArchiveSettings, resolved, [*stop, *_options(resolved)])
    if not settings.brokers:
        raise SettingsError(
            "Nothing to read from: ARCHIVE_KAFKA_BROKERS or ARCHIVE_MQTT_BROKERS is expected."
        )
    return Loaded(settings, tuple(warnings), resolved.origin)


def _options(resolved: Resolved) -> Iterator[str]:
    for kind in TRANSPORTS:
        if kind in resolved.values:
            prefix = f"{PREFIX}{kind.upper()}_"
            own = [
                f"{prefix}{name}"
                for setting in machinery.settings_of(BrokerSettings)
                for name in setting.names
                if name
            ]
            check = transport(kind).check_options(prefix, own, reads=True)
            yield from machinery.check_family(resolved, (kind, "client_options"), check)
