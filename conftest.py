"""What holds for the tests of every package."""

from hypothesis import HealthCheck, settings

# Tests do not time: other work on the machine must not fail them.
settings.register_profile(
    "shared machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("shared machine")
