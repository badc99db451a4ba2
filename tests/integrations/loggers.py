"""
Loggers of one test: nothing of them is left in the tree of loggers afterwards.
"""

import logging


def logger_of(name, *handlers, level=logging.NOTSET):
    """
    Return a logger called *name* with *handlers*, outside the tree.
    """
    logger = logging.Logger(name, level)  # noqa: LOG001 - that is the point
    for handler in handlers:
        logger.addHandler(handler)
    return logger
