"""CRC-32C: as fast as the processor allows where a wheel exists for it, else by kafka-python, in Python."""

try:
    from crc32c import crc32c
except ImportError:  # armv6 and armv7 have no wheel
    from kafka.record.util import calc_crc32c as crc32c  # type: ignore[no-redef] # the same function

__all__ = ["crc32c"]
