"""``erase``: what it prints."""

import argparse
import json
import os
import time
from collections.abc import Sequence

from shutterbus_archive.erase import Eraser, Meant, Plan
from shutterbus_archive.keeping import Archive
from shutterbus_archive.load import load
from shutterbus_archive.opening import archive_beside
from shutterbus_runtime.command_line import say
from shutterbus_wire import instant


def run(options: argparse.Namespace) -> int:
    """Say what would be erased, or erase it."""
    meant = Meant(options.ids, options.camera, options.from_us, options.to_us)
    with archive_beside(load(os.environ).settings) as archive:
        eraser = Eraser(archive.store, archive.catalog, time.time_ns() // 1_000)
        plans = eraser.plan(meant, options.reason)
        gone = [eraser.erase(plan) for plan in plans] if options.yes else [0] * len(plans)
        in_quarantine = _in_quarantine(archive, plans)
    if options.json:
        say(json.dumps([_members(plan, count) for plan, count in zip(plans, gone, strict=True)]))
        return 0
    for plan, count in zip(plans, gone, strict=True):
        say(_line(plan, count if options.yes else None))
    if in_quarantine:
        say(
            f"{in_quarantine:,} messages of these cameras are in quarantine, and are left there: shutterbus-archive quarantine list"
        )
    if not options.yes:
        say(
            "Nothing is erased yet. With --yes it is removed for good, and what of it still comes is not kept."
        )
    return 0


def _in_quarantine(archive: Archive, plans: Sequence[Plan]) -> int:
    return sum(len(archive.catalog.quarantined(camera)) for camera in {plan.order.camera for plan in plans})


def _line(plan: Plan, gone: int | None) -> str:
    order, extent = plan.order, plan.extent
    what = f"{order.camera} {order.epoch}-{order.first}..{order.last}" if order.epoch else order.camera
    if gone is not None:
        return f"{what}: {gone:,} frames erased (order {order.id})"
    if extent.first_us is None or extent.last_us is None:
        return f"{what}: no frame of it is here"
    return (
        f"{what}: {extent.frames:,} frames, {extent.size_bytes / 1e9:.2f} GB, taken from {instant.rfc3339(extent.first_us)} to "
        f"{instant.rfc3339(extent.last_us)}"
    )


def _members(plan: Plan, gone: int) -> dict[str, object]:
    order, extent = plan.order, plan.extent
    return {
        "id": order.id,
        "camera": order.camera,
        "epoch": order.epoch,
        "first": order.first,
        "last": order.last,
        "from": order.from_us and instant.rfc3339(order.from_us),
        "to": order.to_us and instant.rfc3339(order.to_us),
        "reason": order.reason,
        "frames": extent.frames,
        "bytes": extent.size_bytes,
        "erased": gone,
    }
