from scv.features.fetcher import Fetcher
from scv.folds import Latest, YearsSince
from scv.folds.fold import Words


class Profile(Fetcher):
    """Age and sex, as the customer gave them."""

    family = "profile"

    age = YearsSince("birth_year", words=Words(doc="Age reached in the year of the reference.", unit="years"))
    age_band = Latest("age_band", words=Words(doc="Age band, where the year is not known."))
    sex = Latest("sex", words=Words(doc="Sex."))
