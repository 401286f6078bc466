"""The board itself: temperature, load and memory, from Linux's own files."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from shutterbus_edge.sensors import refuse_rest
from shutterbus_runtime.clock import Clock


class Cpu:
    """Real on any Linux; a value whose file is not there is left out."""

    units: Mapping[str, str] = MappingProxyType(
        {"cpu_temperature": "°C", "cpu_load": "%", "memory_used": "%"}
    )

    def __init__(self, clock: Clock, root: Path = Path("/")) -> None:
        del clock  # these files know the present only
        self._thermal = root / "sys/class/thermal"
        self._stat = root / "proc/stat"
        self._meminfo = root / "proc/meminfo"
        self._busy_and_total = self._cpu_ticks()

    def read(self) -> dict[str, float]:
        values: dict[str, float] = {}
        if (celsius := self.temperature_c()) is not None:
            values["cpu_temperature"] = celsius
        busy, total = self._cpu_ticks()
        busy_before, total_before = self._busy_and_total
        if total > total_before:
            values["cpu_load"] = round(100 * (busy - busy_before) / (total - total_before), 1)
            self._busy_and_total = busy, total
        kib = {
            line.split(":")[0]: int(line.split()[1])
            for line in self._meminfo.read_text().splitlines()
            if " kB" in line
        }
        if kib.get("MemTotal"):
            values["memory_used"] = round(100 * (1 - kib.get("MemAvailable", 0) / kib["MemTotal"]), 1)
        return values

    def temperature_c(self) -> float | None:
        """Return the hottest of the board's thermal zones, or None where it shows none."""
        zones = []
        for path in sorted(self._thermal.glob("thermal_zone*/temp")):
            try:
                zones.append(int(path.read_text()) / 1000)
            except (OSError, ValueError):
                continue  # a zone may be switched off; the others still count
        return round(max(zones), 1) if zones else None

    def _cpu_ticks(self) -> tuple[int, int]:
        """Return (busy, total) clock ticks of all processors since the machine started."""
        ticks = [int(field) for field in self._stat.read_text().split("\n", 1)[0].split()[1:9]]
        idle = ticks[3] + ticks[4]  # idle and waiting for input or output
        return sum(ticks) - idle, sum(ticks)


def open_cpu(rest: str, clock: Clock) -> Cpu:
    """See ``SENSORS``."""
    refuse_rest("cpu", rest)
    return Cpu(clock)
