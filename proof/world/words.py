"""The words that events carry: columns of the wide table as lists, of which the engine knows the numbers only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from proof.world.world import World
from scv.events import calendar

BOXES = ("small", "classic", "family")
MEALS = (3, 4, 5)
METHODS = ("card", "paypal", "direct_debit", "invoice")
SOURCES = ("search", "friend", "voucher", "television", "fair")
SEARCH, FRIEND, VOUCHER, TELEVISION, FAIR = range(5)
CHANNELS = ("email", "phone", "post")
EMAIL, PHONE, POST = range(3)
DISPOSITIONS = ("offer accepted", "no interest", "call back", "asked not to be contacted")
ACCEPTED, UNINTERESTED, CALL_BACK, NOT_AGAIN = range(4)
TOPICS = ("late box", "missing item", "quality", "invoice")
VOUCHERS = ("WELCOME", "WAVE", "EXTRA10", "COMEBACK")
WELCOME, WAVE, EXTRA, COMEBACK = range(4)
DISCOUNTS = (0.30, 0.40, 0.10, 0.25)
BANDS = ("18-29", "30-39", "40-49", "50-59", "60-69", "70-79")
SEXES = ("f", "m")
BRANDS = ("Apple", "Samsung", "Huawei", "Sony", "Xiaomi")
PHONES = (
    ("Apple", "iPhone 7"), ("Apple", "iPhone SE"), ("Apple", "iPhone 6s"), ("Samsung", "Galaxy S8"),
    ("Samsung", "Galaxy A5"), ("Samsung", "Galaxy J5"), ("Huawei", "P10"), ("Sony", "Xperia XZ"),
    ("Xiaomi", "Redmi 4"), ("Xiaomi", "Mi 5"),
)  # fmt: skip
BRAND_OF = tuple(BRANDS.index(brand) for brand, _ in PHONES)
CAMPAIGNS = ("come-back", "voucher", "price-change", "welcome", "survey")
COME_BACK, GIFT, PRICE_CHANGE, GREETING, SURVEY = range(5)
NEWS = len(CAMPAIGNS)
"""The number of the news of week 0."""


def of_world(world: World) -> Mapping[str, Sequence[str]]:
    """Column of the wide table → its words, by the numbers that the engine uses."""
    dates = [calendar.to_date(world.first_day + 7 * week).isoformat() for week in range(world.weeks)]
    return {
        "box_size": BOXES, "method": METHODS, "source": SOURCES, "channel": CHANNELS, "disposition": DISPOSITIONS,
        "offer_code": VOUCHERS,
        "topic": TOPICS, "voucher": VOUCHERS, "age_band": BANDS, "sex": SEXES, "device_brand": BRANDS,
        "subscription_id": ("first", "second"), "device_model": [model for _, model in PHONES],
        "campaign": [*CAMPAIGNS, *(f"news-{date}" for date in dates)],
        "list_id": [f"{world.country.code}-{date}" for date in dates],
    }  # fmt: skip
