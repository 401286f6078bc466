"""What can stand in the way of setting up a broker, as sentences for the person who runs the command."""


class SetupError(Exception):
    """Base of every error that this package raises on purpose. Its text says what is wrong and what to do."""


class UnreachableError(SetupError):
    """A broker that does not answer. Trying again later may help."""
