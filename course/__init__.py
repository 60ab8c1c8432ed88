"""A self-hosted email course: sign up, confirm, and lessons arrive, each exactly once."""

__version__ = "0.1.0"
