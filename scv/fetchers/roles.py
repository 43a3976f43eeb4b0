"""What the rest of Cerebro asks of the definitions, by the part it plays. Who renames a feature changes its file and
this one; phases, populations, labels, contact, the sheet and the baselines name roles and follow.

Every value is a full name, `fetcher__feature`.
"""

from scv.fetchers.app import AppUsage, Phone
from scv.fetchers.contacts import Contacts
from scv.fetchers.mail import Mail
from scv.fetchers.orders import Offers, Orders, Rhythm
from scv.fetchers.payments import Payments
from scv.fetchers.profile import Profile
from scv.fetchers.subscription import Lifecycle
from scv.fetchers.support import Support

# -- where the customer stands -------------------------------------------------------------------------------
SILENCE = Orders.column("days_since")
FIRST_ORDER = Orders.column("tenure")
STATE = Lifecycle.column("state")
SUBSCRIBED = Lifecycle.column("tenure")
STATE_DAYS = Lifecycle.column("days_in_state")
DELIVERY_WEEKDAY = Lifecycle.column("delivery_weekday")
OPEN_BOX_SKIPPED = Lifecycle.column("open_box_skipped")
CUT_OFF = Lifecycle.column("cut_off_in")

# -- whether they may be contacted, and who is worth it ------------------------------------------------------
CONSENT = {channel: Contacts.column(f"consent_{channel}") for channel in ("email", "phone", "post")}
"""By channel."""
CONTACTED_AGO = Contacts.column("days_since")
ASKED_NOT_AGO, CONSENTED_AGO = Contacts.column("days_since_asked_not"), Contacts.column("days_since_consent")
COMPLAINTS, CLOSED = Support.column("complaints_ever"), Support.column("closed_ever")
SPENT, GIVEN_BACK = Orders.column("spend_91d"), Orders.column("given_back_91d")
"""What the customer is worth is the first less the second."""
PERSONAL = Profile.family
"""The family of age and sex: columns only where a country says so, whichever fetcher reads them."""
NEVER_SAYABLE = tuple(one.family for one in (Profile, Payments, Phone, AppUsage))
"""Families that nobody speaks of aloud, whatever their words say: age, sex, payment, device and watched use."""

# -- what is shown, and what a simple model would use --------------------------------------------------------
SHOWN = (
    SILENCE,
    *(Orders.column(name) for name in ("count_28d", "spend_28d")),
    *(Rhythm.column(name) for name in ("gap_mean", "week_streak")),
)
RFM = (
    SILENCE,
    FIRST_ORDER,
    *(Orders.column(f"{what}_{days}d") for what in ("count", "spend") for days in (7, 14, 28, 56, 91)),
    *(Orders.column(name) for name in ("count_ever", "spend_ever", "active_days_182d")),
    *(Rhythm.column(name) for name in ("gap_mean", "gap_sd", "gap_longest")),
    *(f"derived__{name}" for name in ("overdue", "basket_value", "spend_trend")),
)
"""Recency, frequency, monetary value: all that the baselines see."""

# -- what a reason is about ----------------------------------------------------------------------------------
RHYTHM, MONEY, NEWNESS, SUBSCRIPTION, APP = "rhythm", "money", "newness", "subscription", "app"
OTHER = "other"
"""Nobody's business, or nothing that a sentence could be about: age, sex, the phone."""
THEME_OF_FETCHER = {
    AppUsage.name: APP,
    Contacts.name: "contacts",
    Lifecycle.name: SUBSCRIPTION,
    Mail.name: "mail",
    Offers.name: "offers",
    Orders.name: RHYTHM,
    Payments.name: "payments",
    Phone.name: OTHER,
    Profile.name: OTHER,
    Rhythm.name: RHYTHM,
    Support.name: "complaints",
}
THEME_OF_FEATURE = {
    **dict.fromkeys((Orders.column("spend_ever"), f"{Orders.name}__spend", Orders.column("largest")), MONEY),
    **dict.fromkeys(
        (f"{Orders.name}__late", Orders.column("days_since_late_box"), Orders.column("boxes")), "deliveries"
    ),
    **dict.fromkeys((f"{Orders.name}__returns", f"{Orders.name}__given_back", Orders.column("called_off")), "returns"),
    **dict.fromkeys((FIRST_ORDER, SUBSCRIBED, Lifecycle.column("days_since_start")), NEWNESS),
}
"""Features that are about something else than their fetcher, by how their names begin."""
WORST_STARS = Support.column("worst_stars")
