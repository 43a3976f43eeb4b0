from scv.features.fetcher import Fetcher
from scv.folds import Latest, YearsSince


class Profile(Fetcher):
    """Age and sex, as the customer gave them."""

    family = "profile"

    age = YearsSince("birth_year", doc="Age reached in the year of the reference.", unit="years")
    age_band = Latest("age_band", doc="Age band, where the year is not known.")
    sex = Latest("sex", doc="Sex.")
