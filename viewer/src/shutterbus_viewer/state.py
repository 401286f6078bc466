"""A camera as the pages and scripts see it: plain JSON values."""

from collections import Counter
from typing import Any

from shutterbus_viewer.camera import Camera
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.latest import LatestFrame
from shutterbus_wire.telemetry import Report

RECENT_POINTS = 60
"""Of each reading in a list of all cameras; one camera by itself comes with all there are."""


def picture_facts(picture: LatestFrame) -> dict[str, Any]:
    """Return what is known of a picture: its size as it is shown, its own bytes and times."""
    metadata = picture.frame.metadata
    return {
        "id": picture.id,
        "captured_at_us": metadata.captured_at_us if picture.has_known_age else None,
        "captured_at_source": metadata.captured_at_source,
        "clock_synced": metadata.clock_synced,
        "arrived_at_us": picture.arrived_at_us,
        "width": picture.width_px,
        "height": picture.height_px,
        "bytes": len(picture.frame.data),
        "content_type": picture.frame.content_type,
        "lane": picture.frame.lane,
        "metadata": dict(metadata.camera_metadata),
    }


def camera_state(cameras: Cameras, name: str, points: int | None = RECENT_POINTS) -> dict[str, Any] | None:
    """Return what GET /api/cameras/<id> answers, with at most *points* of each reading; None if unknown."""
    return cameras.read(name, lambda camera, now_s: _state(cameras, camera, now_s, points))


def _state(cameras: Cameras, camera: Camera, now_s: float, points: int | None) -> dict[str, Any]:
    status, report, picture = camera.status, camera.report, camera.newest.picture
    outage = camera.outage
    return {
        "id": camera.id,
        "title": status.title or None if status else None,
        "zone": status.zone or None if status else None,
        "online": camera.online_at(now_s),
        "since_us": camera.since_us(now_s),
        "heard_at_us": camera.heard_us or None,
        "outage": outage and {"since_us": outage.since_us, "until_us": outage.until_us},
        "expected_interval_s": status.expected_interval_s if status else None,
        "version": status.version if status else "",
        "source": status.source if status else "",
        "schedule": status.schedule if status else "",
        "picture": picture_facts(picture) if picture else None,
        "frames_per_second": round(camera.rate.per_second(now_s), 6),
        "reported_at_us": report and report.at_us,
        "held": report
        and {
            "frames": report.held_frames,
            "bytes": report.held_bytes,
            "oldest_age_s": report.oldest_held_age_s,
        },
        "counters": report
        and {
            "captured": report.captured,
            "published": report.published,
            "missed": report.missed,
            "dropped": _dropped(report),
            "dropped_within_a_day": camera.drops.within_a_day(now_s),
            "set_aside": report.set_aside,
        },
        "readings": [
            {
                "sensor": series.sensor,
                "name": series.name,
                "unit": series.unit,
                "value": series.points[-1][1],
                "at_us": series.points[-1][0],
                "recent": series.points
                if points is None
                else series.points[max(0, len(series.points) - points) :],
            }
            for series in camera.readings
        ],
        "problems": cameras.problems(camera),
    }


def _dropped(report: Report) -> dict[str, int]:
    """What was given up, of this epoch and of what earlier ones had left: the page asks why, not when it was taken."""
    counts: Counter[str] = Counter()
    for part in (report.dropped, report.earlier_dropped):
        counts.update({reason: dropped.count for reason, dropped in part.items()})
    return dict(counts)
