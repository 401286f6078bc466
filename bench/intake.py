"""Taking pictures in from MQTT: the viewer's reader, intake and cameras, against a bare paho subscriber.

A camera in a process of its own gives both the same messages: 1080p, about 100 kB, the facts of a Raspberry Pi's camera in the
EXIF, MQTT 5, QoS 1. Each round is a new process, which takes its own processor time from one picture to a later one.
"""

import itertools
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from bench.rows import Row
from bench.screen import full_hd_bytes

from shutterbus_runtime.clock import SystemClock
from shutterbus_transport.consuming import Delivery, Subscription
from shutterbus_transport.mqtt import TRANSPORT
from shutterbus_transport.mqtt.sending import MqttClient, Version
from shutterbus_transport.sending import Outgoing
from shutterbus_transport.settings import BrokerSettings
from shutterbus_viewer.cameras import Cameras
from shutterbus_viewer.consume.intake import Intake
from shutterbus_wire import exif
from shutterbus_wire.frame import Frame, FrameMetadata
from shutterbus_wire.identity import FrameId, new_epoch
from shutterbus_wire.message import encode_frame
from stack.brokers import mosquitto
from stack.programs import program

TOPIC = "shutterbus/bench/frames"
CAMERA_METADATA = {
    "ExposureTime": 9_998,
    "AnalogueGain": 1.123,
    "DigitalGain": 1.0,
    "ColourGains": [1.92, 1.71],
    "ColourTemperature": 4_850,
    "Lux": 412.5,
    "SensorTemperature": 38.0,
    "FrameDuration": 33_333,
}
RATE = 100.0
ROUNDS = 9
WARM_UP, COUNTED = 50, 300
"""Pictures of a round that do not count, and that do."""
ROUND_MAX_S = 60.0


class Meter:
    """Takes the processor time of this process from the last picture of the warm-up to the last one that counts."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.cpu_s = 0.0
        self._pictures = 0

    def note(self) -> None:
        """Note that a picture is in."""
        self._pictures += 1
        if self._pictures == WARM_UP:
            self.cpu_s = time.process_time()
        elif self._pictures == WARM_UP + COUNTED:
            self.cpu_s = time.process_time() - self.cpu_s
            self.done.set()


def ours(settings: BrokerSettings, meter: Meter) -> None:
    """Take pictures in as the viewer does, and show them to nobody."""

    class Counting(Intake):
        def frame(self, delivery: Delivery) -> bool:
            assert super().frame(delivery)
            meter.note()
            return True

    clock = SystemClock()
    (reader,) = TRANSPORT.readers(settings, Subscription(), Counting(Cameras(clock), clock), clock)
    reader.start()
    meter.done.wait()
    reader.stop()
    reader.join()


def bare(settings: BrokerSettings, meter: Meter) -> None:
    """Do nothing with what comes."""
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.on_message = lambda _client, _data, _message: meter.note()
    client.connect(*settings.brokers[0])
    client.subscribe(TOPIC, qos=1)
    client.loop_start()
    meter.done.wait()
    client.disconnect()
    client.loop_stop()


def send(settings: BrokerSettings) -> None:
    """Be a camera until ended."""
    client = MqttClient(settings, "bench", Version(5))
    pictures, epoch = full_hd_bytes(), new_epoch()
    due_s = time.monotonic()
    for seq in itertools.count():
        identity, now_us = FrameId(epoch, seq), time.time_ns() // 1_000
        metadata = FrameMetadata("bench", identity, now_us, "sensor", True, CAMERA_METADATA)
        jpeg = exif.stamp(pictures[seq % len(pictures)], metadata, software="bench")
        message = encode_frame(Frame(metadata, jpeg), "jpeg", "live")
        due_s += 1 / RATE
        time.sleep(max(0.0, due_s - time.monotonic()))
        client.send(Outgoing(TOPIC, b"bench", message, retain=True), lambda _: None)


def one_round(kind: str, port: int) -> float:
    """Return the seconds of processor that a picture takes in a new process of *kind*."""
    command = [sys.executable, "-m", "bench.intake", kind, str(port)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=ROUND_MAX_S).stdout)


def measure() -> Iterator[Row]:
    """Yield one row."""
    with mosquitto() as broker, tempfile.TemporaryDirectory() as folder:
        sender = [sys.executable, "-m", "bench.intake", "send", str(broker.port)]
        path = {"PYTHONPATH": f"{Path.cwd()}:{Path.cwd() / 'tests'}"}
        with program(sender, path, Path(folder) / "sender.log"):
            runs = [(one_round("ours", broker.port), one_round("bare", broker.port)) for _ in range(ROUNDS)]
    yield Row(
        name="taking in a picture of 100 kB from MQTT: CPU, against a bare paho subscriber",
        ours=1_000 * statistics.median(run[0] for run in runs),
        peer=1_000 * statistics.median(run[1] for run in runs),
        ratio=statistics.median(ours_s / bare_s for ours_s, bare_s in runs),
        unit="ms",
        goal="<= 1.4",
    )


if __name__ == "__main__":
    kind_, port_ = sys.argv[1:]
    settings_ = BrokerSettings(type="mqtt", brokers=(("127.0.0.1", int(port_)),))
    if kind_ == "send":
        send(settings_)
    else:
        meter_ = Meter()
        {"ours": ours, "bare": bare}[kind_](settings_, meter_)
        print(meter_.cpu_s / COUNTED)
