"""Frames and telemetry leave the spool by two lanes, and leave it for good only when the broker has confirmed them."""

import logging
import secrets
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from shutterbus_edge.publish.backlog import BacklogLane
from shutterbus_edge.publish.disconnects import DisconnectTracker, LargestAcked
from shutterbus_edge.publish.encode import Encoder
from shutterbus_edge.publish.lane import Lane
from shutterbus_edge.publish.lane_connection import LaneConnection
from shutterbus_edge.publish.lane_state import LaneState
from shutterbus_edge.publish.live import LiveLane
from shutterbus_edge.publish.retry import Retry
from shutterbus_edge.settings.edge import EdgeSettings
from shutterbus_edge.spool import Held, Spool
from shutterbus_runtime.clock import Clock
from shutterbus_runtime.outage import Outage
from shutterbus_transport import Sending, transport
from shutterbus_transport.broker_list import BrokerList
from shutterbus_transport.sending import OpenClient
from shutterbus_transport.settings import BrokerSettings
from shutterbus_wire import __version__
from shutterbus_wire.frame import FrameMetadata
from shutterbus_wire.frame import Lane as LaneName
from shutterbus_wire.telemetry import Status

log = logging.getLogger(__name__)

OFFLINE_S = 1.0
"""What a stop keeps of its grace to say that this camera is offline."""

JOIN_S = 2.0
"""How long the lanes may take to notice that it is over. One that is just connecting would take longer, for nothing."""


@dataclass(frozen=True, slots=True)
class PublisherState:
    """Both lanes at one instant.

    Attributes:
        frame_max_bytes: The largest picture that the broker takes; None while nobody has said.
        ended: Names of lanes whose thread has died of an error of ours; the process should be started again.
    """

    lanes: Mapping[LaneName, LaneState]
    frame_max_bytes: int | None
    ended: tuple[LaneName, ...]

    @property
    def published(self) -> int:
        """Frames confirmed since this process started."""
        return sum(lane.published for lane in self.lanes.values())


class Publisher:
    """Takes what the spool has been given, newest first, and never makes its callers wait."""

    def __init__(
        self,
        settings: EdgeSettings,
        camera: str,
        spool: Spool,
        clock: Clock,
        *,
        openers: Mapping[LaneName, OpenClient] | None = None,
    ) -> None:
        """*openers* are for tests; by default the settings say what the broker is."""
        broker = settings.broker
        self._spool = spool
        self._clock = clock
        self._camera = camera
        self._encoder = Encoder(
            broker.type,
            camera,
            topic=settings.topic,
            message_format=settings.message_format,
            retain=broker.retain,
        )
        self._in_order = settings.publish.order == "in-order"
        self._status: Status | None = None
        self._largest_acked = LargestAcked()
        self._brokers = BrokerList(broker.brokers, clock, log)
        openers = openers or self._openers(broker)
        self._live = LiveLane(
            self._connection("live", openers),
            self._encoder,
            spool,
            clock,
            on_backlog=self._backlog_has_work,
        )
        self._backlog = BacklogLane(
            self._connection("backlog", openers),
            self._encoder,
            spool,
            clock,
            may_send=lambda: self._live.leaves_room,
            bytes_per_s=settings.publish.backlog_max_rate,
            order=settings.publish.order,
        )
        self._lanes: tuple[Lane, ...] = (self._live, self._backlog)
        self._stop = threading.Event()
        self._threads: dict[LaneName, threading.Thread] = {}

    def start(self) -> None:
        """Begin to connect and to send what the spool holds."""
        if not self._encoder.is_ours:
            log.info(
                "pictures go to %s in format %s; status, reports and readings have no place there and are not sent",
                self._encoder.frames_topic,
                self._encoder.message_format,
            )
        for lane in self._lanes:
            thread = threading.Thread(
                target=lane.run, args=(self._stop,), name=f"publish-{lane.name}", daemon=True
            )
            self._threads[lane.name] = thread
            thread.start()

    def offer(self, held: Held, metadata: FrameMetadata | None = None) -> None:
        """Send the picture just put, which is now the newest; *metadata* saves reading it from there. Never waits."""
        if self._in_order:
            self._spool.release(held)
            self._backlog.wake()
        else:
            self._live.offer(held, metadata)

    def offer_telemetry(self, held: Held) -> None:
        """Send the report or reading just put. Never waits."""
        if self._encoder.is_ours:
            self._live.offer_telemetry(held)
        else:
            self._spool.ack(held)

    def publish_status(self, status: Status) -> None:
        """Tell what this camera is, now and after every connecting. Never waits."""
        self._status = status
        if self._encoder.is_ours:
            self._live.tell_status(self._encoder.status(status))

    @property
    def frame_max_bytes(self) -> int | None:
        """The largest picture that the broker takes, as last heard; None if it never said."""
        return self._spool.frame_max_bytes

    def state(self) -> PublisherState:
        """Return what both lanes are doing."""
        return PublisherState(
            lanes={lane.name: lane.state() for lane in self._lanes},
            frame_max_bytes=self.frame_max_bytes,
            ended=tuple(
                name
                for name, thread in self._threads.items()
                if not (thread.is_alive() or self._stop.is_set())
            ),
        )

    def stop(self, grace_s: float) -> None:
        """Send what is live, or what is held where it goes in order, within *grace_s*, say that this camera is offline, and leave the rest in the spool."""
        deadline_s = self._clock.monotonic_s() + grace_s
        self._wait_idle(deadline_s - OFFLINE_S)
        if self._encoder.is_ours and self._status and self._threads:
            # Behind the last picture, which would otherwise arrive from a camera that is said to be offline.
            self._live.tell_status(self._encoder.status(self._offline()))
            self._wait_idle(deadline_s)
        self._stop.set()
        for lane in self._lanes:
            lane.wake()
        joined_by_s = self._clock.monotonic_s() + JOIN_S
        for name, thread in self._threads.items():
            thread.join(max(0.0, joined_by_s - self._clock.monotonic_s()))
            if thread.is_alive():
                log.warning("the %s lane is still connecting; it is left to end with the process", name)
        for lane in self._lanes:
            thread_of_lane = self._threads.get(lane.name)
            if thread_of_lane is None or not thread_of_lane.is_alive():
                lane.close()

    def _wait_idle(self, deadline_s: float) -> None:
        live, never = self._threads.get("live"), threading.Event()
        while live and live.is_alive() and not self._is_idle and self._clock.monotonic_s() < deadline_s:
            if self._live.connection.client is None:
                break  # nothing can be sent, and connecting takes longer than anybody wants to wait
            self._clock.wait(0.02, never)

    @property
    def _is_idle(self) -> bool:
        return self._live.is_idle and (self._backlog.is_idle or not self._in_order)

    def _connection(self, lane: LaneName, openers: Mapping[LaneName, OpenClient]) -> LaneConnection:
        return LaneConnection(
            openers[lane],
            reach=self._brokers.reach,
            why=self._brokers.why,
            clock=self._clock,
            retry=Retry(Outage(f"{lane} lane", self._clock, log)),
            disconnects=DisconnectTracker(self._largest_acked),
        )

    def _openers(self, broker: BrokerSettings) -> Mapping[LaneName, OpenClient]:
        carrier, encoder = transport(broker.type), self._encoder
        sending = Sending(
            # Not to be guessed: a client that connects under the name of another takes its place.
            f"{broker.client_id or f'shutterbus-{self._camera}'}-{secrets.token_hex(8)}",
            encoder.frames_topic,
            carrier.topic(self._camera, "reports") if encoder.is_ours else None,
            will=lambda: encoder.status(self._offline()) if encoder.is_ours else None,
        )
        return carrier.open_clients(broker, sending)

    def _backlog_has_work(self) -> None:
        self._backlog.wake()

    def _offline(self) -> Status:
        """Return what is true of this camera when nobody hears of it any more."""
        now_us = self._clock.utc_us()
        if self._status is None:
            return Status(camera=self._camera, state="offline", since_us=now_us, version=__version__)
        return self._status.model_copy(update={"state": "offline", "since_us": now_us})
