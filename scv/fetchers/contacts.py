from scv.features.fetcher import Fetcher
from scv.folds import Count, DaysSince, Latest


class Contacts(Fetcher):
    """Contacts made with the customer and consent to them."""

    family = "contacts"

    contacts = Count(kinds=("outcome",), doc="Contacts tried.", unit="contacts").over(91)
    reached = Count(
        kinds=("outcome",), where=(("reached", "==", 1),), doc="Contacts that reached.", unit="contacts"
    ).over(91)
    days_since = DaysSince(kinds=("outcome",), doc="Days since the last contact.", unit="days")
    last_channel = Latest("channel", kinds=("outcome",), doc="Channel of the last contact.")
    days_since_asked_not = DaysSince(
        kinds=("outcome",),
        where=(("disposition", "==", "asked not to be contacted"),),
        doc="Days since the customer asked not to be contacted.",
        unit="days",
    )
    days_since_consent = DaysSince(
        kinds=("consent",),
        where=(("given", "==", 1),),
        doc="Days since consent to a channel was last given.",
        unit="days",
    )
    consent_email = Latest(
        "given", kinds=("consent",), where=(("channel", "==", "email"),), doc="1 if mail is allowed."
    )
    consent_phone = Latest(
        "given", kinds=("consent",), where=(("channel", "==", "phone"),), doc="1 if calls are allowed."
    )
    consent_post = Latest(
        "given", kinds=("consent",), where=(("channel", "==", "post"),), doc="1 if letters are allowed."
    )
