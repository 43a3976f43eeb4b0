"""What a call to the scorer may end with."""

from __future__ import annotations


class ScorerError(Exception):
    """A call that was not answered. `code` is gRPC's name of the status (NOT_FOUND, UNAVAILABLE …)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
