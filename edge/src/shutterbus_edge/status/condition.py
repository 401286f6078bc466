"""Whether the edge does its job now, in sentences for people and numbers for Prometheus."""

from collections.abc import Iterator
from typing import Any

from shutterbus_edge.capture.process import CaptureProcess
from shutterbus_edge.publish import Publisher
from shutterbus_edge.shoot import Shooter
from shutterbus_edge.spool import Spool
from shutterbus_edge.status.timekeeping import clock_synced
from shutterbus_runtime.clock import Clock
from shutterbus_wire import __version__

LATE_AFTER_INTERVALS = 3
LATE_AFTER_AT_LEAST_S = 10.0
HELD_AFTER_AT_LEAST_S = 120.0
"""A frame that waits so long, and for as many intervals as a late one, is not getting through."""


class Condition:
    """The edge's condition, asked for by its health server; nothing is kept here."""

    def __init__(
        self,
        name: str,
        shooter: Shooter,
        camera: CaptureProcess,
        spool: Spool,
        publisher: Publisher,
        clock: Clock,
    ) -> None:
        self._name = name
        self._shooter = shooter
        self._camera = camera
        self._spool = spool
        self._publisher = publisher
        self._clock = clock

    def problems(self) -> Iterator[str]:
        """Yield a sentence for everything that is wrong now; none when pictures are taken and confirmed."""
        if self._shooter.problem:
            yield f"camera: {self._shooter.problem}"
        interval_s, last_s = self._shooter.expected_interval_s, self._shooter.last_shot_s
        if interval_s and last_s is not None:
            age_s = self._clock.monotonic_s() - last_s
            if age_s > max(LATE_AFTER_AT_LEAST_S, LATE_AFTER_INTERVALS * interval_s):
                yield f"no picture for {age_s:.0f} s; one every {interval_s:g} s is due"
        counts = self._spool.counts()
        if trouble := counts.trouble:
            yield f"spool: {trouble}"
        held_s = counts.oldest_held_age_s or 0.0
        if held_s > max(HELD_AFTER_AT_LEAST_S, LATE_AFTER_INTERVALS * (interval_s or 0.0)):
            yield f"frames that wait for their confirmation: {counts.held_frames}, the oldest for {held_s:.0f} s"
        for lane, state in self._publisher.state().lanes.items():
            if state.reason:
                yield f"{lane} lane: {state.reason}"
            elif lane == "live" and not state.connected:
                yield "live lane: not yet connected"

    def metadata(self) -> dict[str, Any]:
        """Return what ``/status`` shows."""
        counts = self._spool.counts()
        state = self._publisher.state()
        return {
            "camera": self._name,
            "version": __version__,
            "epoch": counts.epoch,
            "problems": list(self.problems()),
            "captured": counts.this_epoch.captured,
            "published": counts.this_epoch.acked,
            "missed": self._shooter.missed,
            "dropped": {reason: dropped.count for reason, dropped in counts.this_epoch.dropped.items()},
            "set_aside": counts.this_epoch.quarantined,
            "held_frames": counts.held_frames,
            "held_bytes": counts.held_bytes,
            "in_memory_frames": counts.in_memory_frames,
            "oldest_held_age_s": counts.oldest_held_age_s,
            "uncertain": counts.uncertain,
            "camera_restarts": self._camera.restarts,
            "slow": {**counts.slow, **self._shooter.slow},
            "clock_synced": clock_synced(),
            "frame_max_bytes": state.frame_max_bytes,
            "lanes": {
                lane: {"connected": each.connected, "reason": each.reason}
                for lane, each in state.lanes.items()
            },
        }

    def metrics(self) -> str:
        """Return the same in Prometheus' text form."""
        state = self.metadata()
        lines: list[str] = []

        def add(metric: str, kind: str, text: str, *samples: tuple[str, float | None]) -> None:
            lines.extend(
                (f"# HELP shutterbus_edge_{metric} {text}", f"# TYPE shutterbus_edge_{metric} {kind}")
            )
            label = f'camera="{self._name}"'
            lines.extend(
                f"shutterbus_edge_{metric}{{{label}{more}}} {value}"
                for more, value in samples
                if value is not None
            )

        add("frames_captured_total", "counter", "Frames taken in this epoch.", ("", state["captured"]))
        add("frames_published_total", "counter", "Frames confirmed in this epoch.", ("", state["published"]))
        add("shots_missed_total", "counter", "Shots that were due and did not happen.", ("", state["missed"]))
        add(
            "frames_dropped_total",
            "counter",
            "Frames given up, by reason.",
            *((f',reason="{reason}"', count) for reason, count in state["dropped"].items()),
        )
        add("frames_set_aside_total", "counter", "Frames nobody would take.", ("", state["set_aside"]))
        add("spool_frames", "gauge", "Frames held.", ("", state["held_frames"]))
        add("spool_bytes", "gauge", "Bytes held.", ("", state["held_bytes"]))
        add(
            "spool_oldest_age_seconds",
            "gauge",
            "Age of the oldest frame held.",
            ("", state["oldest_held_age_s"]),
        )
        add(
            "camera_restarts_total",
            "counter",
            "Times the capture process was started again.",
            ("", state["camera_restarts"]),
        )
        add(
            "slow_operations_total",
            "counter",
            "Operations that took over a second: fsync, put into the spool, stamp of a picture.",
            *((f',operation="{operation}"', count) for operation, count in state["slow"].items()),
        )
        add("clock_synced", "gauge", "1 if the clock is trusted.", ("", int(state["clock_synced"])))
        add(
            "lane_connected",
            "gauge",
            "1 if the lane has a connection.",
            *((f',lane="{lane}"', int(each["connected"])) for lane, each in state["lanes"].items()),
        )
        return "\n".join(lines) + "\n"
