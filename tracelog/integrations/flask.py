"""
Flask: each request as a hop, with its route and the exception that Flask has made an answer of.

    init_app(app)
"""

import functools
from typing import TYPE_CHECKING, Any

from flask import Flask, got_request_exception, request, request_started

from tracelog.integrations.exchange import Exchange
from tracelog.integrations.patching import Method, Undo, replace
from tracelog.integrations.wsgi import KEY, Middleware

if TYPE_CHECKING:
    from tracelog.client.client import Client


def init_app(app: Flask, *, client: "Client | None" = None) -> Flask:
    """
    Log the requests of *app*, which is returned.
    """
    _listen()
    app.wsgi_app = Middleware(app.wsgi_app, client=client)  # type: ignore[method-assign] # as Flask's docs say
    return app


def setup(*, client: "Client | None" = None) -> Undo:
    """
    Log the requests of every app. A second call changes nothing.

    Returns:
        A function that undoes it.
    """
    _listen()

    def make(before: Method) -> Method:
        def wsgi_app(self: Flask, environ: Any, start_response: Any) -> Any:
            return Middleware(functools.partial(before, self), client=client)(environ, start_response)

        return wsgi_app

    return replace(Flask, "wsgi_app", make)


def _listen() -> None:
    got_request_exception.connect(_failed)  # the same function twice is connected once
    request_started.connect(_started)


def _started(_app: Flask, **_said: Any) -> None:
    exchange: Exchange | None = request.environ.get(KEY)
    if exchange is not None and request.url_rule is not None:
        exchange.fields["route"] = request.url_rule.rule


def _failed(_app: Flask, exception: Exception, **_said: Any) -> None:
    exchange: Exchange | None = request.environ.get(KEY)
    if exchange is not None:
        exchange.failure = exception
