"""Events: the envelope, the families (one topic each) and the kinds with their fields.

Times are strings with an offset (`scv.events.instant`); bare numbers are refused. Money is whole cents: the smallest
unit of the country's currency. A field may be missing where its type allows None; a feature over it does not see the
event then. Every field has its bound: numbers by `Meta`, days and years by `scv.events.bound`, texts by their length.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from scv import errors
from scv.events import customer_id
from scv.events.bound import Days, Years
from scv.events.contact import Channel, Disposition

Id = Annotated[str, Meta(min_length=1, max_length=128, pattern=customer_id.PLAIN)]
CustomerId = Annotated[str, Meta(pattern=customer_id.PATTERN)]
CountryCode = Annotated[str, Meta(pattern=r"^[A-Z]{2}(?!\n)$")]
Instant = Annotated[datetime, Meta(tz=True)]
MOST = 100_000_000_000  # cents: a billion of a currency with two digits; ten millions of IDR or COP are one order
Cents = Annotated[int, Meta(ge=-MOST, le=MOST)]
Amount = Annotated[int, Meta(ge=0, le=MOST)]
Items = Annotated[int, Meta(ge=0, le=100_000)]
Seconds = Annotated[int, Meta(ge=0, le=604_800)]
Weekday = Annotated[int, Meta(ge=0, le=6)]
DeliveryDay = Annotated[date, Days(back=366, ahead=366)]
EndDay = Annotated[date, Days(back=366, ahead=3_660)]  # without end is no day of the year 9999: leave it out
BirthYear = Annotated[int, Years(back=120, ahead=0)]
Word = Annotated[str, Meta(min_length=1, max_length=64, pattern=customer_id.PLAIN)]


class Event(Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Something one customer did or something done to them. `seen_at` may be missing where the country is live."""

    id: Id
    country: CountryCode
    customer_id: CustomerId
    occurred_at: Instant
    seen_at: Instant | None = None

    def __post_init__(self) -> None:
        if customer_id.too_long(self.customer_id):
            raise ValueError(f"Expected `str` of at most {customer_id.LONGEST} bytes - at `$.customer_id`")

    @property
    def kind(self) -> str:
        return tag(type(self))


class Watermark(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind", tag="watermark"):
    """All that was seen in this country before `seen_at` (of a live one: before its record) lies before it."""

    country: CountryCode
    seen_at: Instant | None = None
    kind = "watermark"
    customer_id = ""


class Erased(Event, frozen=True, kw_only=True, tag="erased"):
    """The customer is to be forgotten: what lies before it in the log no longer exists."""


class Session(Event, frozen=True, kw_only=True, tag="session"):
    duration_s: Seconds
    device_brand: Word | None = None
    device_model: Word | None = None


class Placed(Event, frozen=True, kw_only=True, tag="placed"):
    """An order; below zero there is none: a line that gives money back is of the kinds `AfterOrder`."""

    amount_cents: Amount
    discount_cents: Amount = 0
    items: Items | None = None
    box_size: Word | None = None


class Delivered(Event, frozen=True, kw_only=True, tag="delivered"):
    late_days: Annotated[int, Meta(ge=0, le=365)] = 0


class VoucherRedeemed(Event, frozen=True, kw_only=True, tag="voucher_redeemed"):
    voucher: Word | None = None


class AfterOrder(Event, frozen=True, kw_only=True):
    """What happens to an order, whole or in part, once it was placed; it is no order and no activity of its own.

    `order_id` is the `id` of the order. `amount_cents` is the money that this event gives back: the sum over all of
    them is what the customer got back, so that whoever sends a return and its refund tells each cent once.
    """

    order_id: Id
    amount_cents: Amount = 0
    items: Items | None = None


class Returned(AfterOrder, frozen=True, kw_only=True, tag="returned"):
    """Goods came back."""


class Refunded(AfterOrder, frozen=True, kw_only=True, tag="refunded"):
    """Money went back, with or without the goods."""


class OrderCancelled(AfterOrder, frozen=True, kw_only=True, tag="order_cancelled"):
    """The order, or a part of it, was called off before it came, by the customer or by the shop."""


class Charged(Event, frozen=True, kw_only=True, tag="charged"):
    method: Word
    amount_cents: Cents


class Failed(Event, frozen=True, kw_only=True, tag="failed"):
    method: Word
    amount_cents: Cents


class ComplaintOpened(Event, frozen=True, kw_only=True, tag="complaint_opened"):
    topic: Word | None = None


class ComplaintClosed(Event, frozen=True, kw_only=True, tag="complaint_closed"):
    pass


class Rating(Event, frozen=True, kw_only=True, tag="rating"):
    stars: Annotated[int, Meta(ge=1, le=5)]


class Started(Event, frozen=True, kw_only=True, tag="started"):
    """`subscription_id` here and below: which of a customer's subscriptions (none: the only one). `delivery_weekday`: 0
    is Monday; `source`: a channel or campaign; `ends_on`: the first day on which a trial or a fixed term is over."""

    subscription_id: Id | None = None
    delivery_weekday: Weekday | None = None
    source: Word | None = None
    ends_on: EndDay | None = None


class Skipped(Event, frozen=True, kw_only=True, tag="skipped"):
    subscription_id: Id | None = None
    delivery_on: DeliveryDay


class Unskipped(Event, frozen=True, kw_only=True, tag="unskipped"):
    subscription_id: Id | None = None
    delivery_on: DeliveryDay


class Paused(Event, frozen=True, kw_only=True, tag="paused"):
    subscription_id: Id | None = None
    until_on: EndDay | None = None


class Resumed(Event, frozen=True, kw_only=True, tag="resumed"):
    subscription_id: Id | None = None


class Cancelled(Event, frozen=True, kw_only=True, tag="cancelled"):
    """`voluntary`: by the customer's own wish (none: nobody knows); `ends_on`: the first day after what is paid for."""

    subscription_id: Id | None = None
    voluntary: bool | None = None
    ends_on: EndDay | None = None


class Reactivated(Event, frozen=True, kw_only=True, tag="reactivated"):
    subscription_id: Id | None = None
    delivery_weekday: Weekday | None = None


class ProfileSet(Event, frozen=True, kw_only=True, tag="set"):
    birth_year: BirthYear | None = None
    age_band: Word | None = None
    sex: Word | None = None


class MailSent(Event, frozen=True, kw_only=True, tag="sent"):
    campaign: Word


class Outcome(Event, frozen=True, kw_only=True, tag="outcome"):
    """Somebody was contacted, or it was tried; `list_id` is the list that they stood on."""

    list_id: Word | None = None
    channel: Word
    reached: bool
    disposition: Disposition | None = None
    offer_code: Word | None = None


class Consent(Event, frozen=True, kw_only=True, tag="consent"):
    channel: Channel
    given: bool


FAMILIES: dict[str, tuple[type[Event], ...]] = {
    "app": (Session,),
    "orders": (Placed, Delivered, VoucherRedeemed, Returned, Refunded, OrderCancelled),
    "payments": (Charged, Failed),
    "support": (ComplaintOpened, ComplaintClosed, Rating),
    "subscription": (Started, Skipped, Unskipped, Paused, Resumed, Cancelled, Reactivated),
    "profile": (ProfileSet,),
    "mail": (MailSent,),
    "contacts": (Outcome, Consent),
}
"""Family → its own kinds; every family also takes `erased` and `watermark`."""

ENVELOPE = ("id", "country", "customer_id", "occurred_at", "seen_at")
FieldType = Literal["int", "str", "bool", "date"]
_encoder = msgspec.json.Encoder()
_TYPES: dict[str, FieldType] = {
    "IntType": "int", "StrType": "str", "LiteralType": "str", "BoolType": "bool", "DateType": "date",
}  # fmt: skip


@functools.cache
def tag(kind: type[Event]) -> str:
    """How records spell a kind."""
    return str(kind.__struct_config__.tag)


def kinds(family: str) -> tuple[type[Event], ...]:
    """The kinds of a family, `erased` included. Raises UnknownName."""
    return (*errors.look_up("event family", family, FAMILIES), Erased)


@functools.cache
def fields(family: str) -> dict[str, FieldType]:
    """Payload field → type, over all kinds of a family, in order of declaration."""
    return {name: type for kind in kinds(family) for name, type in payload(kind).items()}


def expect(family: str, tags: Iterable[str], read: Iterable[str], where: str, compared: Iterable[Any] = ()) -> None:
    """Raises UnknownName for a family, a kind or a payload field (or `kind`) that there is not; `where` names them.

    `compared` are conditions (field, sign, value): a word of a field must be one of its closed list, in every kind that
    has the field. Raises BadSetting where it has none: whoever writes it another way would be read as saying nothing.
    """
    errors.expect("event family", [family], FAMILIES, where)
    errors.expect("event kind", tags, [tag(kind) for kind in kinds(family)], where)
    errors.expect("payload field", read, [*fields(family), "kind"], where)
    for name, _, value in compared:
        for kind in kinds(family) if isinstance(value, str) else ():
            if name in payload(kind) and (not tags or tag(kind) in tags):
                if name not in words(kind):
                    raise errors.BadSetting(f"`{name}` of `{tag(kind)}` takes any word: compare it with none {where}.")
                errors.expect(f"{name} of `{tag(kind)}`", [value], words(kind)[name], where)


@functools.cache
def payload(kind: type[Event]) -> dict[str, FieldType]:
    """Payload field → type of one kind; a field has the same type in every kind of a family (a test)."""
    listed = msgspec.inspect.type_info(kind).fields  # type: ignore[attr-defined]
    return {info.name: _field_type(info.type) for info in listed if info.name not in ENVELOPE}


@functools.cache
def words(kind: type[Event]) -> dict[str, tuple[str, ...]]:
    """Payload field → the only words that it takes, for the fields of a kind with a closed list."""
    listed = msgspec.inspect.type_info(kind).fields  # type: ignore[attr-defined]
    return {
        info.name: tuple(one.values)
        for info in listed
        for one in getattr(info.type, "types", (info.type,))
        if type(one).__name__ == "LiteralType"
    }


def _field_type(declared: Any) -> FieldType:
    members = getattr(declared, "types", (declared,))
    names = {type(member).__name__ for member in members} - {"NoneType"}
    return _TYPES[names.pop()]


@functools.cache
def decoder(family: str) -> msgspec.json.Decoder[Event | Watermark]:
    """Strict JSON decoder of one family's topic."""
    union = functools.reduce(operator.or_, kinds(family), Watermark)
    return msgspec.json.Decoder(union)


def encode(event: Event | Watermark) -> bytes:
    """The bytes of one record, as the topics carry them."""
    return _encoder.encode(event)


def key_of(event: Event | Watermark) -> bytes:
    """The record's key: `country:customer_id`; a watermark is of no customer."""
    return f"{event.country}:{event.customer_id}".encode()
