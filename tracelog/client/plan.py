"""
What a client works by, once its settings are resolved and everything is opened.
"""

from typing import NamedTuple

from tracelog.client.background import Cleaner
from tracelog.client.keeping import Keeping
from tracelog.config import ClientSettings
from tracelog.core.compact import Header
from tracelog.sinks.base import Sink


class Plan(NamedTuple):
    """
    What a shipper works by: checked and opened, so that nothing can fail any more.
    """

    settings: ClientSettings
    header: Header
    sinks: list[Sink]
    redactor: Cleaner
    keeping: Keeping | None = None
