"""Whether this camera's pictures are small enough for the broker."""

from shutterbus_edge.doctor.context import CheckContext
from shutterbus_runtime.checks import CheckResult, failure, ok, warning
from shutterbus_transport.settings import KAFKA_OVERHEAD_BYTES

FOR_4K_BYTES = 8_388_620
PX_4K = 3840 * 2160


def judge(limit_bytes: int, where: str, context: CheckContext) -> CheckResult:
    """Compare *limit_bytes*, which *where* has set for a message, with what the camera makes."""
    own = context.settings.broker.max_request_size
    fix = context.advice(
        "on the server: make 4k", theirs="a larger max.message.bytes on the topics of this camera"
    )
    if own is not None and own < limit_bytes:
        limit_bytes, where, fix = own, "SS_MAX_REQUEST_SIZE", f"in .env: SS_MAX_REQUEST_SIZE={limit_bytes}"
    largest = context.encoder.frame_max_bytes(limit_bytes)
    picture = context.picture_bytes
    if picture is not None and picture > largest:
        return failure(
            f"a picture of this camera has {picture:,} bytes, and {where} takes {limit_bytes:,} with "
            f"{KAFKA_OVERHEAD_BYTES:,} beside the picture: it is made worse to fit, or set aside",
            fix,
        )
    if (
        context.picture_px
        and context.picture_px[0] * context.picture_px[1] >= PX_4K
        and limit_bytes < FOR_4K_BYTES
    ):
        return warning(f"{where} takes {limit_bytes:,} bytes; a detailed 4K picture needs more", fix)
    return ok(f"{where} takes {limit_bytes:,} bytes" + (f", a picture has {picture:,}" if picture else ""))
