"""From what the spool holds to what goes on the wire."""

from shutterbus_transport import transport as find
from shutterbus_transport.errors import MessageRefusedError
from shutterbus_transport.sending import Outgoing
from shutterbus_transport.settings import KAFKA_OVERHEAD_BYTES
from shutterbus_wire import exif
from shutterbus_wire.codecs import CODECS
from shutterbus_wire.errors import MalformedError
from shutterbus_wire.frame import Frame, FrameMetadata, Lane
from shutterbus_wire.message import encode_frame
from shutterbus_wire.names import expand
from shutterbus_wire.telemetry import Status, encode_telemetry, telemetry_message


class Encoder:
    """Knows the topics of one camera on one transport, and the form that their readers expect.

    Attributes:
        frames_topic: Where the pictures go.
        is_ours: Whether that is the camera's own topic. Telemetry and status belong beside it; a topic that the user
            named has readers who know pictures only, and beside it they go nowhere.
    """

    def __init__(
        self,
        transport: str,
        camera: str,
        *,
        topic: str | None = None,
        message_format: str | None = None,
        retain: bool | None = None,
    ) -> None:
        """*topic* is the user's, ``{camera}`` in it still to be replaced; *retain* overrides what its owner suggests."""
        self._transport = find(transport)
        self._camera = camera
        self._key = camera.encode()
        own = self._transport.topic(camera, "frames")
        self.frames_topic = own if topic is None else expand(topic, camera)
        self.is_ours = self._transport.owner(self.frames_topic) is not None
        self.message_format = message_format or ("jpeg" if self.is_ours else "3")
        self._retain = self._transport.retains and (self.is_ours if retain is None else retain)

    def frame(self, data: bytes, lane: Lane, metadata: FrameMetadata | None = None) -> Outgoing:
        """Return the message for the picture *data*, and read its *metadata* from it if they are not given.

        Raises:
            MessageRefusedError: It does not say which picture it is.
        """
        try:
            metadata = metadata or exif.read_metadata(data)
        except MalformedError as error:
            raise MessageRefusedError(error.reason, f"it cannot be read: {error}") from error
        if metadata is None:
            raise MessageRefusedError(
                "no-identity", "it does not carry the facts that every picture of ours has"
            )
        message = encode_frame(Frame(metadata, data), self.message_format, lane)
        # A picture that comes late must not replace the last one that the broker shows to newcomers.
        return Outgoing(self.frames_topic, self._key, message, retain=self._retain and lane == "live")

    def telemetry(self, data: bytes, lane: Lane, *, by_sensor: bool = True) -> Outgoing:
        """Return the message for the report or reading *data*. MessageRefusedError: it is none.

        Without *by_sensor*, all readings go to the one topic that a server of version 0.1.0 grants.
        """
        try:
            message = telemetry_message(data, lane)
        except MalformedError as error:
            raise MessageRefusedError(error.reason, f"it cannot be read: {error}") from error
        sensor = message.attributes.get("stream", "").partition("readings-")[2]
        kind = "reports" if not sensor else f"readings/{sensor}" if by_sensor else "readings"
        # The newest of each sensor; all sensors' on one topic would replace each other.
        retain = self._transport.retains and "/" in kind and lane == "live"
        return Outgoing(self._transport.topic(self._camera, kind), self._key, message, retain=retain)

    def status(self, status: Status) -> Outgoing:
        """Return the message for *status*, which an MQTT broker keeps."""
        topic = self._transport.topic(self._camera, "status")
        return Outgoing(topic, self._key, encode_telemetry(status, "live"), retain=self._transport.retains)

    def frame_max_bytes(self, limit_bytes: int) -> int:
        """Return the largest picture whose message stays below *limit_bytes*."""
        room_bytes = max(0, limit_bytes - KAFKA_OVERHEAD_BYTES)
        return CODECS[self.message_format].picture_max_bytes(room_bytes)
