"""What all ends agree on: frame, identity, formats, names, and how a broker is reached. No I/O."""

__version__ = "0.1.0"
"""The version of every Shutterbus package; they are released together."""
