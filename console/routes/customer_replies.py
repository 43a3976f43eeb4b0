"""What is answered about a customer, for OpenAPI: names, words and examples. Instants are UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from scv.fetchers import roles

AT = "2017-09-05T04:00:00Z"


class ReasonReply(BaseModel):
    """Why a score is high."""

    feature: str = Field(description="Full name; empty where it is about a theme.", examples=[roles.SILENCE])
    hint: str = Field(description="For the screen.", examples=["The last order was 16 days ago."])
    sayable: str | None = Field(description="What may be said aloud; null: nothing.", examples=[None])


class ScoreReply(BaseModel):
    """One target; numbers are null unless it is scored."""

    target: str = Field(examples=["lapse"])
    status: str = Field(description="scored, not_applicable, unknown_customer or stale_refused.", examples=["scored"])
    status_reason: str = Field(description="Why there is no score.", examples=[""])
    probability: float | None = Field(description="Calibrated.", examples=[0.231])
    horizon_days: int = Field(examples=[28])
    horizon_end: datetime | None = Field(examples=["2017-10-03T04:00:00Z"])
    band: str | None = Field(description="low, usual, raised or high within country and phase.", examples=["raised"])
    times_usual: float | None = Field(description="Over the usual rate of the phase.", examples=[2.1])
    change_since_tuesday: float | None = Field(description="Against the newest Tuesday's file.", examples=[0.04])
    basis: str = Field(description="recorded events, or derived from silence.", examples=["derived"])
    model: str = Field(examples=["2017-09-05-1a2b3c4d"])
    reasons: list[ReasonReply]


class ContactReply(BaseModel):
    """Whether the customer may be contacted on our own initiative."""

    policy: str = Field(description="ok, held_out or suppressed.", examples=["ok"])
    reason: str = Field(description="Why not.", examples=[""])


class FreshnessReply(BaseModel):
    """How fresh some fetchers are."""

    fetchers: list[str] = Field(examples=[["orders", "rhythm"]])
    state: str = Field(description="fresh, stale or missing.", examples=["fresh"])
    age_s: float | None = Field(description="Seconds between clock and watermark.", examples=[0.8])


class EventReply(BaseModel):
    """An event that counts."""

    family: str = Field(examples=["orders"])
    kind: str = Field(examples=["placed"])
    id: str = Field(examples=["o-1"])
    occurred_at: datetime = Field(examples=[AT])
    seen_at: datetime = Field(description="When it could first be known.", examples=[AT])
    values: dict[str, Any] = Field(description="The fields that it has.", examples=[{"amount_cents": 4590}])


class CustomerReply(BaseModel):
    """What is known of a customer at `at`, an instant of the country's clock."""

    country: str = Field(examples=["US"])
    customer_id: str = Field(examples=["900"])
    known: bool | None = Field(description="null: that cannot be told.", examples=[True])
    at: datetime | None = Field(examples=[AT])
    values: dict[str, Any] = Field(description="By full name; null: missing.", examples=[{roles.SILENCE: 16}])
    unbuilt: dict[str, str] = Field(description="Fetcher → why its values are missing.", examples=[{}])
    phase: str | None = Field(description="new, established, paused, dormant or left.", examples=["established"])
    contact: ContactReply | None
    freshness: list[FreshnessReply]
    scores: list[ScoreReply]
    timeline: list[EventReply] = Field(description="The newest first, as the lake holds them.")
    complete_to: datetime | None = Field(description="The lake holds everything before it.", examples=[AT])
    trouble: dict[str, str] = Field(description="What could not be asked → why.", examples=[{}])


class PastScoreReply(BaseModel):
    """What one Tuesday's file said of one target."""

    date: str = Field(examples=["2017-09-05"])
    list_id: str = Field(examples=["US-lapse-2017-09-05"])
    target: str = Field(examples=["lapse"])
    status: str | None = Field(examples=["SCORED"])
    probability: float | None = Field(examples=[0.21])
    times_average: float | None = Field(examples=[1.9])
    risk_band: str | None = Field(examples=["raised"])
    contact_status: str | None = Field(description="On the row of the list's target only.", examples=["LISTED"])
    contact_reason: str | None = Field(examples=[""])
    rank: int | None = Field(examples=[7])
    weeks_on_list: int | None = Field(examples=[1])
    reason_1: str | None = Field(examples=["The last order was 16 days ago."])
    model: str | None = Field(examples=["2017-09-05-1a2b3c4d"])


class PastValuesReply(BaseModel):
    """The main variables at one reference."""

    at: datetime = Field(examples=[AT])
    values: dict[str, Any] = Field(examples=[{roles.SILENCE: 9}])


class HistoryReply(BaseModel):
    """A customer over the past, oldest first."""

    country: str = Field(examples=["US"])
    customer_id: str = Field(examples=["900"])
    tuesdays: list[PastScoreReply]
    variables: list[PastValuesReply]
    trouble: dict[str, str] = Field(description="What could not be read → why.", examples=[{}])
