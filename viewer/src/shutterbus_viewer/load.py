"""From what the process was given to ``ViewerSettings``, or to sentences that say what to change."""

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path

from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError

from shutterbus_runtime import settings as machinery
from shutterbus_runtime.settings import Loaded, Resolved, SettingsError, sources
from shutterbus_runtime.settings.sources import SECRETS
from shutterbus_transport import TRANSPORTS, transport
from shutterbus_viewer.settings import ViewerSettings

PREFIX = "VIEWER_"
OF_COMPOSE = ("VIEWER_MEMORY",)
"""Read by compose.server.yml from the same .env; nothing to us."""


def load(
    environ: Mapping[str, str], secrets: Path = SECRETS, env_file: Path = Path(".env")
) -> Loaded[ViewerSettings]:
    """Return the settings that secrets, *environ* and *env_file* say, in this order.

    Raises:
        SettingsError: With a sentence for each thing to put right.
    """
    given = sources.given(environ, secrets, env_file, (PREFIX,))
    for name in OF_COMPOSE:
        given.pop(name, None)
    resolved = machinery.resolve(ViewerSettings, given)
    stop, warnings = machinery.unknown(resolved, ViewerSettings, (PREFIX,))
    warnings += [
        f"{weaker.name} has no effect beside {stronger.name}, which says otherwise."
        for weaker, stronger in resolved.overruled
    ]
    settings = machinery.build(ViewerSettings, resolved, [*stop, *_options(resolved)])
    if problems := [*_brokers(settings), *_login(settings), *_tls(settings)]:
        raise SettingsError(*problems)
    if settings.serve.effective_tls == "off" and not settings.serve.loopback_only:
        warnings.append("VIEWER_TLS=off: passwords and pictures cross the network unencrypted.")
    if settings.login.password and settings.login.password_hash:
        warnings.append("VIEWER_PASSWORD_HASH has no effect beside VIEWER_PASSWORD.")
        settings = settings.model_copy(
            update={"login": settings.login.model_copy(update={"password_hash": None})}
        )
    if settings.state_dir is None:
        warnings.append(
            "VIEWER_STATE_DIR is not set: users other than VIEWER_USER, sessions and the access log end with this process."
        )
    return Loaded(settings, tuple(warnings), resolved.origin)


def _options(resolved: Resolved) -> Iterator[str]:
    for name in TRANSPORTS:
        prefix = f"{PREFIX}{name.upper()}_"
        own = [
            known
            for setting in machinery.settings_of(ViewerSettings)
            for known in setting.names
            if known.startswith(prefix) and known != prefix
        ]
        check = transport(name).check_options(prefix, own, reads=True)
        yield from machinery.check_family(resolved, (name, "client_options"), check)


def _brokers(settings: ViewerSettings) -> Iterator[str]:
    if not settings.brokers:
        yield (
            "No broker is named: VIEWER_KAFKA_BROKERS such as kafka.example.org:9092, or VIEWER_MQTT_BROKERS such as "
            "mqtt.example.org:1883, or both, are expected."
        )
    for broker in settings.brokers:
        if broker.tls:
            try:
                broker.tls.context()
            except OSError as error:  # ssl.SSLError too
                yield f"{PREFIX}{broker.type.upper()}_TLS__...: the TLS files cannot be used: {error}."


def _login(settings: ViewerSettings) -> Iterator[str]:
    login = settings.login
    if login.password is None and login.password_hash is None:
        yield (
            "No password is set, and there is no default: set VIEWER_PASSWORD_HASH to what "
            "`shutterbus-viewer hash-password` prints, or VIEWER_PASSWORD."
        )
    elif login.password and not login.password.get_secret_value():
        yield "VIEWER_PASSWORD is empty: a password is expected."
    elif login.password_hash and login.password is None:
        try:
            extract_parameters(login.password_hash.get_secret_value())
        except InvalidHashError:
            yield (
                "VIEWER_PASSWORD_HASH (hidden) is no argon2 hash: what `shutterbus-viewer hash-password` prints is "
                "expected, beginning with $argon2id$. In a Compose file every $ has to be doubled."
            )


def _tls(settings: ViewerSettings) -> Iterator[str]:
    serve = settings.serve
    if serve.effective_tls not in {"own", "files"}:
        return
    why = f"VIEWER_TLS={serve.tls}" if serve.tls else f"VIEWER_BIND={serve.bind} without VIEWER_TLS"
    if serve.tls_cert is None or serve.tls_key is None:
        yield (
            f"{why} needs VIEWER_TLS_CERT and VIEWER_TLS_KEY, a certificate and its key as PEM files; with a proxy "
            "in front of the viewer set VIEWER_TLS=proxy, in a network that you trust VIEWER_TLS=off."
        )
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(serve.tls_cert, serve.tls_key, lambda: "")
    except ssl.SSLError as error:
        yield f"VIEWER_TLS_CERT={serve.tls_cert} and VIEWER_TLS_KEY={serve.tls_key} cannot be used: {error.reason}."
    except OSError as error:
        yield f"VIEWER_TLS_CERT={serve.tls_cert} or VIEWER_TLS_KEY={serve.tls_key} cannot be read: {error.strerror}."
