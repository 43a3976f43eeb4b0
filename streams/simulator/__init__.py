"""An invented weekly-box company: a world whose truth is known. Nothing in it is real.

`world` says who lives where and when; `life` lets them; `dirt` delivers what happened as badly as real senders do.
"""

from streams.simulator.life import simulate
from streams.simulator.world import ENDS, World

__all__ = ["ENDS", "World", "simulate"]
