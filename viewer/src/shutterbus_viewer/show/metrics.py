"""What the viewer counts, for Prometheus."""

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from shutterbus_viewer.show.access import Principal
from shutterbus_viewer.show.services import Services

Connected = Callable[[], dict[str, bool]]


class Metrics(Collector):
    """Looked up at every scrape, as *principal* may see it; nothing is counted twice."""

    def __init__(self, services: Services, connected: Connected, principal: Principal) -> None:
        self._services = services
        self._connected = connected
        self._principal = principal

    def text(self) -> bytes:
        """Return all metrics in Prometheus's text format."""
        registry = CollectorRegistry(auto_describe=False)
        registry.register(self)
        return generate_latest(registry)

    def collect(self) -> Iterator[Metric]:
        services = self._services
        taken, refused = services.intake.counts()
        messages = CounterMetricFamily(
            "shutterbus_viewer_messages", "Messages taken in.", labels=["transport", "kind"]
        )
        for labels, count in taken.items():
            messages.add_metric(labels, count)
        yield messages
        bad = CounterMetricFamily(
            "shutterbus_viewer_messages_refused",
            "Messages that could not be used.",
            labels=["transport", "reason"],
        )
        for labels, count in refused.items():
            bad.add_metric(labels, count)
        yield bad
        connected = GaugeMetricFamily(
            "shutterbus_viewer_connected", "Whether the broker is connected.", labels=["transport"]
        )
        for transport, is_connected in self._connected().items():
            connected.add_metric([transport], float(is_connected))
        yield connected
        yield GaugeMetricFamily(
            "shutterbus_viewer_pages", "Pages that are open.", value=services.caps.lives.total()
        )
        yield GaugeMetricFamily(
            "shutterbus_viewer_streams", "MJPEG streams that are open.", value=services.caps.streams.total()
        )
        connections = self._services.connections
        yield GaugeMetricFamily(
            "shutterbus_viewer_connections", "Connections that are open.", value=len(connections)
        )
        closed = CounterMetricFamily(
            "shutterbus_viewer_connections_closed",
            "Connections that were closed because they sent no request in time, or made room for others.",
            labels=["reason"],
        )
        for why, count in connections.closed_for.items():
            closed.add_metric([why], count)
        yield closed
        slow = CounterMetricFamily(
            "shutterbus_viewer_slow_operations",
            "Operations that took over a second: decode of a message, scale of a picture.",
            labels=["operation"],
        )
        for operation in (services.intake.decode, services.thumbnails.scaling):
            slow.add_metric([operation.name], operation.count)
        yield slow
        yield from self._of_cameras()

    def _of_cameras(self) -> Iterator[Metric]:
        cameras, now_us = self._services.cameras, self._services.clock.utc_us()
        captured = GaugeMetricFamily(
            "shutterbus_viewer_newest_picture_captured_seconds",
            "When the newest picture was taken, seconds since 1970.",
            labels=["camera"],
        )
        age = GaugeMetricFamily(
            "shutterbus_viewer_newest_picture_age_seconds", "How old it is.", labels=["camera"]
        )
        rate = GaugeMetricFamily(
            "shutterbus_viewer_pictures_per_second", "How often pictures come.", labels=["camera"]
        )
        for name in self._services.policy.visible(self._principal, cameras.ids()):
            picture = cameras.picture(name)
            if picture and picture.has_known_age:
                captured_at_us = picture.frame.metadata.captured_at_us
                captured.add_metric([name], captured_at_us / 1e6)
                age.add_metric([name], (now_us - captured_at_us) / 1e6)
            per_second = cameras.read(name, lambda camera, now_s: camera.rate.per_second(now_s))
            rate.add_metric([name], per_second or 0.0)
        yield from (captured, age, rate)
