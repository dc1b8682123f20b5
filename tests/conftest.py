"""Settings of every test."""

from hypothesis import settings

# How long an example takes says how busy the machine is; what is slow is measured in bench/.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
