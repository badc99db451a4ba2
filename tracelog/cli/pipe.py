"""
`tracelog pipe`: what another program prints becomes entries, and goes on unchanged.

It stands in somebody's pipeline: whatever happens to delivery, the exit code is 0.
"""

import sys

import click

from tracelog.cli.options import tell
from tracelog.cli.pouring import Shipped, outlasting, pour
from tracelog.cli.shipping import Shipping, shipping_options
from tracelog.client.context import root


@click.command()
@shipping_options
def pipe(shipping: Shipping) -> None:
    """
    Log what another program prints, and pass it on.

    Each line of standard input becomes an entry: a JSON object with all its fields, any other text with the
    level and the trace it names, and a stack trace with the line that it explains. Standard output gets every
    byte unchanged.
    """
    client, address = shipping.open()
    shipped = Shipped(client, shipping.trace_id or root().trace_id)
    with outlasting(0 if sys.stdin.isatty() else 1):
        pour(sys.stdin.buffer, sys.stdout.buffer, shipped)
    client.shutdown(client.settings.exit_timeout)
    tell(shipping.told(client, shipped, address=address))
