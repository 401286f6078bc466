"""How a connection is secured: the files, and the context made of them."""

import ssl
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr, model_validator

from shutterbus_runtime.settings import Name
from shutterbus_runtime.settings.values import Switch


class Tls(BaseModel, frozen=True):
    """How the broker proves who it is, and how we do."""

    ca_certs: Annotated[Path | None, Name("TLS__CA_CERTS", "TLS_SET__CA_CERTS", "SSL_CAFILE")] = Field(
        default=None,
        description="CA certificates (PEM) used to verify the broker. Without it: those that the system trusts.",
    )
    certfile: Annotated[Path | None, Name("TLS__CERTFILE", "TLS_SET__CERTFILE", "SSL_CERTFILE")] = Field(
        default=None, description="Our own certificate (PEM file), for a broker that asks who we are."
    )
    keyfile: Annotated[Path | None, Name("TLS__KEYFILE", "TLS_SET__KEYFILE", "SSL_KEYFILE")] = Field(
        default=None,
        description="The private key of that certificate (PEM file), unless the same file holds both.",
    )
    keyfile_password: Annotated[
        SecretStr | None, Name("TLS__KEYFILE_PASSWORD", "TLS_SET__KEYFILE_PASSWORD", "SSL_PASSWORD")
    ] = Field(default=None, description="What the private key is encrypted with, if it is.")
    ciphers: Annotated[str | None, Name("TLS__CIPHERS", "TLS_SET__CIPHERS", "SSL_CIPHERS")] = Field(
        default=None, description="Allowed ciphers of TLS 1.2, in OpenSSL's notation."
    )
    check_hostname: Annotated[Switch, Name("TLS__CHECK_HOSTNAME", "SSL_CHECK_HOSTNAME")] = Field(
        default=True, description="Whether the broker's certificate must be for the name we reach it by."
    )

    @model_validator(mode="after")
    def _key_needs_certificate(self) -> "Tls":
        if self.keyfile and not self.certfile:
            raise ValueError(
                "<TLS__KEYFILE> is set: <TLS__CERTFILE>, the certificate it belongs to, is needed with it."
            )
        return self

    def context(self) -> ssl.SSLContext:
        """Return a TLS context made from the files, read now, so that renewed files count at the next connection.

        Raises:
            OSError: A file cannot be read.
            ssl.SSLError: A file is not what it should be, or key and certificate do not belong together.
        """
        context = ssl.create_default_context(cafile=self.ca_certs and str(self.ca_certs))
        context.check_hostname = self.check_hostname
        if self.ciphers:
            context.set_ciphers(self.ciphers)
        if self.certfile:
            # Never None: OpenSSL would ask at the terminal for the password of an encrypted key.
            password = self.keyfile_password.get_secret_value() if self.keyfile_password else ""
            context.load_cert_chain(self.certfile, self.keyfile, password=lambda: password)
        return context
