"""
What all tests share: how Hypothesis searches.
"""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "suite",
    deadline=None,  # a busy machine stalls for longer than any deadline; a property is not a stopwatch
    suppress_health_check=[HealthCheck.too_slow],  # for the same reason
)
settings.load_profile("suite")
