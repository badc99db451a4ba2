"""
A Django site in one file whose requests, log calls and exceptions are one trace each: `python
examples/integrations/django_app.py`, then `curl -i http://127.0.0.1:8086/orders/cup`. Needs django. With
`--once` it makes two requests to itself, one that fails, and ends.
"""

import sys
from wsgiref.simple_server import make_server

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import path

import tracelog

settings.configure(
    SECRET_KEY="only an example",  # noqa: S106 - nothing here is signed
    ALLOWED_HOSTS=["127.0.0.1", "testserver"],
    ROOT_URLCONF=__name__,
    MIDDLEWARE=["tracelog.integrations.django.Middleware"],
    LOGGING_CONFIG=None,
)
django.setup()
log = tracelog.get_logger("shop")


def order(_request: HttpRequest, item: str) -> JsonResponse:
    log.info("ordering %s", item)
    return JsonResponse({"left": {"tea": 1}[item]})


urlpatterns = [path("orders/<item>", order)]

if __name__ == "__main__":
    tracelog.configure(service="shop")
    if "--once" in sys.argv:
        visitor = Client(raise_request_exception=False)
        for item in ("tea", "cup"):
            visitor.get(f"/orders/{item}")
        tracelog.flush()
    else:
        with make_server("127.0.0.1", 8086, get_wsgi_application()) as server:
            server.serve_forever()
