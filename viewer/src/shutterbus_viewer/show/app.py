"""All routes, and what stands before them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from shutterbus_viewer.history.erasures import forget_erased
from shutterbus_viewer.show import (
    api,
    buckets,
    downloads,
    frames,
    groups,
    history,
    live,
    pages,
    sheets,
    static_files,
)
from shutterbus_viewer.show.auth_middleware import AuthMiddleware
from shutterbus_viewer.show.connections import ConnectionMiddleware
from shutterbus_viewer.show.headers import SecurityHeaders
from shutterbus_viewer.show.metrics import Metrics
from shutterbus_viewer.show.parameters import sentence
from shutterbus_viewer.show.services import Services, get_principal

TICK_S = 1.0


def make_app(
    services: Services, connected: Callable[[], dict[str, bool]], alive: Callable[[], bool]
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
    app.state.services = services
    # They are tried in this order: first what is asked for most, by somebody who drags through a day.
    app.include_router(frames.router)
    app.include_router(sheets.router)
    app.include_router(history.router)
    app.include_router(pages.routes(services.accounts, services.exposure))
    app.include_router(api.router)
    app.include_router(downloads.router)
    app.include_router(buckets.router)
    app.include_router(groups.router)
    app.include_router(live.router)
    app.include_router(static_files.router)

    @app.exception_handler(RequestValidationError)
    async def say_what_is_wrong(_request: Request, error: RequestValidationError) -> Response:
        return JSONResponse({"detail": sentence(error)}, 422)

    @app.get("/livez")
    async def livez() -> Response:
        """Whether the process lives; the brokers are another matter."""
        return JSONResponse({"alive": alive()}, 200 if alive() else 503)

    @app.get("/readyz")
    async def readyz() -> Response:
        """Whether every broker is connected."""
        states = connected()
        ready = all(states.values())
        problems = [outage.sentence for outage in services.cameras.outages()]
        return JSONResponse(
            {"ready": ready, "connected": states, "problems": problems}, 200 if ready else 503
        )

    @app.get("/metrics")
    async def show_metrics(request: Request) -> Response:
        """Counters for Prometheus."""
        metrics = Metrics(services, connected, get_principal(request))
        return Response(metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    exposure = services.exposure
    behind_login = AuthMiddleware(app, services.accounts, services.policy, exposure)
    return ConnectionMiddleware(SecurityHeaders(behind_login, https=exposure.secure))


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    services: Services = app.state.services
    services.cameras.changes.attach()
    deaf = services.cameras.changes.listen(services.states.changed)
    accounts = services.accounts
    works = [_tick(services), accounts.log.keep_writing(), accounts.sessions.keep_current()]
    if services.past is not None:
        works += [forget_erased(services.past.history, services.cache), services.ahead.keep_making()]
    background = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        deaf()
        services.cameras.changes.detach()
        services.maker.close()
        services.thumbnails.close()
        services.accounts.login.close()


async def _tick(services: Services) -> Any:
    while True:
        services.cameras.tick()
        await asyncio.sleep(TICK_S)
