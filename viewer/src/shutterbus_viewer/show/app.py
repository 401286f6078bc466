"""All routes behind one door."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.types import ASGIApp

from shutterbus_viewer.show import api, live, pages
from shutterbus_viewer.show.auth import Login
from shutterbus_viewer.show.gate import Gate, Place
from shutterbus_viewer.show.headers import SecurityHeaders
from shutterbus_viewer.show.metrics import Metrics
from shutterbus_viewer.show.parts import Parts

TICK_S = 1.0


def make_app(
    parts: Parts,
    login: Login,
    place: Place,
    connected: Callable[[], dict[str, bool]],
    alive: Callable[[], bool],
) -> ASGIApp:
    """Return the whole server.

    *connected* says for each transport whether its broker is connected, *alive* whether everything that must
    run in this process does.
    """
    app = FastAPI(
        title="Shutterbus viewer",
        version=version("shutterbus-viewer"),
        lifespan=_lifespan,
        docs_url=None,  # its page would load scripts from elsewhere
        redoc_url=None,
    )
    app.state.parts = parts
    app.include_router(pages.routes(login, place))
    app.include_router(api.router)
    app.include_router(live.router)
    app.mount("/static", StaticFiles(directory=pages.STATIC), name="static")
    metrics = Metrics(parts, connected)

    @app.get("/livez")
    async def livez() -> Response:
        """Whether the process lives; the brokers are another matter."""
        return JSONResponse({"alive": alive()}, 200 if alive() else 503)

    @app.get("/readyz")
    async def readyz() -> Response:
        """Whether every broker is connected."""
        states = connected()
        ready = all(states.values())
        problems = parts.cameras.outages()
        return JSONResponse(
            {"ready": ready, "connected": states, "problems": problems}, 200 if ready else 503
        )

    @app.get("/metrics")
    async def show_metrics() -> Response:
        """Counters for Prometheus."""
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    return SecurityHeaders(Gate(app, login, place), https=place.secure)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    parts: Parts = app.state.parts
    parts.cameras.changes.attach()
    ticking = asyncio.create_task(_tick(parts))
    try:
        yield
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
        parts.cameras.changes.detach()
        parts.thumbnails.close()


async def _tick(parts: Parts) -> Any:
    while True:
        parts.cameras.tick()
        await asyncio.sleep(TICK_S)
