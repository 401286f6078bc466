"""What an edge weighs: resident memory of its publishing process, and the jitter of its capture.

Test card at 1080p, five a second, against itself: idle with a broker, then with the broker away for five minutes.
"""

import itertools
import json
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import paho.mqtt.client as mqtt
from bench.rows import Row
from paho.mqtt.enums import CallbackAPIVersion

from stack.brokers import free_port, mosquitto
from stack.programs import BIN, program

RATE = 5
SETTLE_S = 5
"""What comes at the start of a process is not how it runs."""
STEADY_S = 60
AWAY_S = 300
MEMORY_GOAL_MB = 64
JITTER_GOAL = 0.10


def resident_mb(pid: int) -> float:
    """Return the resident memory of process *pid* in MB."""
    match = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert match
    return int(match[1]) * 1024 / 1e6


def measure() -> Iterator[Row]:
    """Yield memory idle and with the broker away, the growth between, and the jitter at p99."""
    with tempfile.TemporaryDirectory() as name, mosquitto() as broker:
        folder, health = Path(name), free_port()
        captured_at_us: list[int] = []

        def note(_client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
            assert message.properties is not None
            times = dict(getattr(message.properties, "UserProperty", []))
            captured_at_us.append(round(_timestamp_us(times["time"])))

        listener = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        listener.on_message = note
        listener.connect("127.0.0.1", broker.port)
        listener.subscribe("shutterbus/bench/frames", qos=1)
        listener.loop_start()
        edge = {
            "CAMERA_ID": "bench",
            "CAMERA_SOURCE": "testcard",
            "PICAMERA_RESOLUTION": "1080P",
            "PICAMERA_FRAMERATE": str(RATE),
            "SS_TYPE": "mqtt",
            "SS_BROKERS": broker.address,
            "SPOOL_DIR": str(folder / "spool"),
            "HEALTH_PORT": str(health),
        }
        with program([BIN / "shutterbus-edge", "run"], edge, folder / "edge.log") as running:
            time.sleep(SETTLE_S)
            captured_at_us.clear()
            time.sleep(STEADY_S)
            idle_mb = resident_mb(running.process.pid)
            steady_us = list(captured_at_us)
            listener.loop_stop()
            broker.stop()
            time.sleep(AWAY_S / 10)
            early_mb = resident_mb(running.process.pid)
            time.sleep(AWAY_S * 9 / 10)
            away_mb = resident_mb(running.process.pid)
            with urlopen(f"http://127.0.0.1:{health}/status") as answer:
                missed = json.load(answer)["missed"]
        intervals_s = [(later - sooner) / 1e6 for sooner, later in itertools.pairwise(steady_us)]
        jitter = statistics.quantiles([abs(each - 1 / RATE) for each in intervals_s], n=100)[98] * RATE
        goal = f"<= {MEMORY_GOAL_MB}"
        yield Row(
            name="memory of the publishing process, test card 1080p, broker there",
            ours=idle_mb,
            unit="MB",
            goal=goal,
        )
        yield Row(name=f"the same, broker away {AWAY_S // 60} min", ours=away_mb, unit="MB", goal=goal)
        yield Row(
            name="the same, after a tenth of that time and at its end",
            ours=away_mb,
            peer=early_mb,
            ratio=away_mb / early_mb,
            unit="MB",
            goal="flat",
        )
        yield Row(
            name="capture jitter p99, share of the interval",
            ours=100 * jitter,
            unit="%",
            goal=f"< {JITTER_GOAL:.0%}",
        )
        yield Row(name="shots missed in all that time", ours=missed, unit="", goal="0")


def _timestamp_us(text: str) -> float:
    from datetime import datetime

    return datetime.fromisoformat(text).timestamp() * 1e6
