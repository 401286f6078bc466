"""From capture to pixels on a screen: 720p pictures, five a second, through a real broker and the viewer to Chromium.

Against the bare hop, in the same run and on the same broker: a producer and a consumer of the same client library with
nothing between, whose pictures go to the same browser over a bare WebSocket into ``createImageBitmap``.
"""

import contextlib
import io
import random
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.rows import Row
from PIL import Image
from playwright.sync_api import Page

from stack.brokers import free_port, kafka, mosquitto
from stack.browser import chromium, log_in
from stack.programs import BIN, program, wait_for_http

SHOTS = 50
WARM_UP = 5
"""Pictures that are not counted: a page that opens shows the last one at once, as old as it is, and a broker that has
had no subscriber yet is asked again after a pause."""
RATE = 4.95
"""Five a second, and not quite: an interval of twelve screen refreshes would meet each of them at the same moment."""
GOAL = 1.3

# Runs in either page: notes, for every picture drawn, how long after its capture that was.
OBSERVE = """
() => {
  window.delays_ms = [];
  const marked = document.querySelector('[data-captured-at-us]');
  new MutationObserver(() => {
    const now_ms = performance.timeOrigin + performance.now();
    window.delays_ms.push(now_ms - Number(marked.dataset.capturedAtUs) / 1000);
  }).observe(marked, {attributes: true, attributeFilter: ['data-captured-at-us']});
}
"""

BARE_PAGE = """<!doctype html><canvas data-captured-at-us="0" width="1280" height="720"></canvas><script>
const canvas = document.querySelector('canvas'), paint = canvas.getContext('2d');
const socket = new WebSocket('ws://' + location.hash.slice(1));
socket.binaryType = 'arraybuffer';
socket.onmessage = async ({data}) => {
  const captured = new DataView(data).getBigInt64(0);
  const bitmap = await createImageBitmap(new Blob([data.slice(8)], {type: 'image/jpeg'}));
  paint.drawImage(bitmap, 0, 0);
  bitmap.close();
  await new Promise(requestAnimationFrame);
  canvas.dataset.capturedAtUs = captured;
};
</script>"""


def pictures(folder: Path) -> list[Path]:
    """Write ten 720p pictures of about 100 kB, each different, and return their paths."""
    paths = []
    for number, jpeg in enumerate(picture_bytes()):
        paths.append(folder / f"{number}.jpg")
        paths[-1].write_bytes(jpeg)
    return paths


def picture_bytes(
    size_px: tuple[int, int] = (1280, 720), grains: tuple[int, int] = (160, 90), quality: int = 80
) -> list[bytes]:
    """Return ten different JPEGs of coloured *grains*, of about 100 kB at 720p."""
    noise = random.Random(720)
    made = []
    for _ in range(10):
        small = Image.frombytes("RGB", grains, noise.randbytes(grains[0] * grains[1] * 3))
        data = io.BytesIO()
        small.resize(size_px, Image.Resampling.BICUBIC).save(data, "JPEG", quality=quality)
        made.append(data.getvalue())
    return made


def full_hd_bytes() -> list[bytes]:
    """Return ten different JPEGs of 1080p, of about 100 kB."""
    return picture_bytes((1920, 1080), (48, 27), 40)


def watch(page: Page) -> list[float]:
    """Return the delay in ms of the next SHOTS pictures that *page* draws."""
    page.wait_for_selector("[data-captured-at-us]", state="attached")
    page.evaluate(OBSERVE)
    page.wait_for_function(
        "shots => window.delays_ms.length >= shots", arg=WARM_UP + SHOTS, timeout=4 * SHOTS / RATE * 1000
    )
    delays: list[float] = page.evaluate("() => window.delays_ms")
    return delays[WARM_UP:]


def ours(transport: str, address: str, folder: Path, page: Page) -> list[float]:
    """Edge, broker, viewer, page, as a user runs them."""
    web = free_port()
    edge = {
        "CAMERA_ID": "bench",
        "CAMERA_SOURCE": f"file:{folder / 'pictures'}",
        "PICAMERA_FRAMERATE": str(RATE),
        "SS_TYPE": transport,
        "SS_BROKERS": address,
        "SPOOL_DIR": str(folder / f"spool-{transport}"),
        "HEALTH_PORT": "0",
    }
    viewer = {
        f"VIEWER_{transport.upper()}_BROKERS": address,
        "VIEWER_PORT": str(web),
        "VIEWER_PASSWORD": "for the bench",
    }
    with (
        program([BIN / "shutterbus-viewer", "run"], viewer, folder / "viewer.log") as viewing,
        program([BIN / "shutterbus-edge", "run"], edge, folder / "edge.log"),
    ):
        wait_for_http(f"http://127.0.0.1:{web}/livez", viewing)
        log_in(page, f"http://127.0.0.1:{web}", "for the bench")
        page.goto(f"http://127.0.0.1:{web}/cameras/bench")
        return watch(page)


def bare(transport: str, address: str, folder: Path, page: Page) -> list[float]:
    """The same pictures through the same broker with nothing of ours."""
    file = folder / "bare.html"
    file.write_text(BARE_PAGE)
    port = free_port()
    with program(
        [sys.executable, "-m", "bench.screen", transport, address, str(port), str(folder / "pictures")],
        {"PYTHONPATH": f"{Path.cwd()}:{Path.cwd() / 'tests'}"},
        folder / f"bare-{port}.log",
    ) as hop:
        while b"ready" not in hop.output.read_bytes():
            if hop.process.poll() is not None:
                raise RuntimeError(hop.said())
            time.sleep(0.1)
        page.goto(f"file://{file}#127.0.0.1:{port}")
        return watch(page)


def bare_hop(transport: str, address: str, port: int, folder: Path) -> None:
    """Publish the pictures and hand what comes back to every WebSocket that connects; runs until ended."""
    from websockets.sync.server import ServerConnection, serve

    listeners: list[ServerConnection] = []
    jpegs = [path.read_bytes() for path in sorted(folder.iterdir())]

    def deliver(value: bytes) -> None:
        for listener in tuple(listeners):
            with contextlib.suppress(ConnectionError):
                listener.send(value)

    def accept(connection: ServerConnection) -> None:
        listeners.append(connection)
        for _ in connection:
            pass

    publish = _bare_kafka(address, deliver) if transport == "kafka" else _bare_mqtt(address, deliver)
    server = serve(accept, "127.0.0.1", port, compression=None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    due_s = time.monotonic()
    for number in iter(int, 1):
        del number
        for jpeg in jpegs:
            due_s += 1 / RATE
            time.sleep(max(0, due_s - time.monotonic()))
            publish(struct.pack(">q", time.time_ns() // 1000) + jpeg)


def _bare_kafka(address: str, deliver: Callable[[bytes], None]) -> Callable[[bytes], object]:
    from kafka import KafkaConsumer, KafkaProducer

    producer = KafkaProducer(bootstrap_servers=address, acks="all", enable_idempotence=False, linger_ms=0)

    def consume() -> None:
        # The topic is made by the first picture: without the short refresh it is found five minutes later.
        for record in KafkaConsumer("bench-bare", bootstrap_servers=address, metadata_max_age_ms=1000):
            deliver(record.value)

    threading.Thread(target=consume, daemon=True).start()
    return lambda value: producer.send("bench-bare", value)


def _bare_mqtt(address: str, deliver: Callable[[bytes], None]) -> Callable[[bytes], object]:
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    host, port = address.split(":")

    def client() -> mqtt.Client:
        made = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
        made.connect(host, int(port))
        made.loop_start()
        return made

    consumer, producer = client(), client()
    consumer.on_message = lambda _client, _userdata, message: deliver(bytes(message.payload))
    consumer.subscribe("bench/bare", qos=1)
    return lambda value: producer.publish("bench/bare", value, qos=1)


@contextlib.contextmanager
def _broker(transport: str) -> Iterator[str]:
    if transport == "mqtt":
        with mosquitto() as broker:
            yield broker.address
        return
    with kafka(KAFKA_AUTO_CREATE_TOPICS_ENABLE="true") as broker:
        subprocess.run(
            [BIN / "shutterbus-broker", "topics", "bench", "--brokers", broker.address], check=True
        )
        yield broker.address


def measure() -> Iterator[Row]:
    """Yield p50 and p99 over either broker; the two take turns so that a noisy machine is noisy for both."""
    for transport in ("kafka", "mqtt"):
        with tempfile.TemporaryDirectory() as name, _broker(transport) as address, chromium() as browser:
            folder = Path(name)
            (folder / "pictures").mkdir()
            pictures(folder / "pictures")
            delays: dict[str, list[float]] = {"ours": [], "bare": []}
            for _ in range(3):
                for who, how in (("bare", bare), ("ours", ours)):
                    context = browser.new_context(viewport={"width": 1440, "height": 900})
                    delays[who] += how(transport, address, folder, context.new_page())
                    context.close()
            for percent in (50, 99):
                at = {who: statistics.quantiles(each, n=100)[percent - 1] for who, each in delays.items()}
                yield Row(
                    name=f"capture to pixels over {transport}, 720p at 5 a second, p{percent}",
                    ours=at["ours"],
                    peer=at["bare"],
                    ratio=at["ours"] / at["bare"],
                    goal=f"<= {GOAL}",
                    unit="ms",
                )


if __name__ == "__main__":
    _, transport_, address_, port_, folder_ = sys.argv
    bare_hop(transport_, address_, int(port_), Path(folder_))
