"""Sentences about a customer in a country's language: plurals, numbers and money as CLDR has them.

A sentence is a template. `{value}`, `{usual}` and `{days}` are numbers; `{value:order|orders}` is the form of a word
that goes with one: the first for what the language counts as one, the last for the rest.
"""

from __future__ import annotations

import copy
import functools
import string
from collections import Counter
from typing import Any

from babel import Locale, numbers

from scv.events import money
from scv.events.country import Country
from scv.features.fetcher import Feature
from scv.language import DEFAULT, load

SMALL_UNITS = 10
"""Money below so many units keeps its cents."""
SHOWN = 128
"""Numbers as they are shown, of which as many are kept: those that come all the time. More would fill for hours."""
missing: Counter[tuple[str, str]] = Counter()
"""Sentences that a language lacks, and how often the English one stood in for it."""


class Said:
    """A number in a sentence, and whether it is money (in the currency's smallest unit)."""

    def __init__(self, value: float, language: str, currency: str = "") -> None:
        self.value, self.language, self.currency = value, language, currency

    def __format__(self, forms: str) -> str:
        if forms:
            return _form(_rounded(self.value), tuple(forms.split("|")), self.language)
        if self.currency:
            return _money(_in_units(self.value, self.currency), self.currency, self.language)
        return _number(_rounded(self.value), self.language)


def worded(template: str, feature: Feature, value: float, usual: float | None, country: Country) -> str:
    """A sentence about a feature's value; "" of no template."""
    if not template:
        return ""
    currency = country.currency if feature.fold.unit == "cents" else ""
    days = feature.window.start - feature.window.end if feature.window else 0
    given: dict[str, Any] = {
        "value": Said(value, country.language, currency),
        "usual": Said(usual or 0.0, country.language, currency),
        "days": Said(days, country.language),
    }
    return _FORMATTER.vformat(translated(template, country.language), (), given)


def translated(template: str, language: str) -> str:
    """A sentence of a definition in a language; where that lacks it the English one, which is counted."""
    if language == DEFAULT:
        return template
    found = load(language).sentences.get(template)
    if found is None:
        missing[language, template] += 1
    return found or template


_FORMATTER = string.Formatter()


def _rounded(value: float) -> float:
    """As a number is shown: whole from two on."""
    return round(value) if abs(value) >= 2 or value == round(value) else round(value, 1)


def _in_units(minor: float, currency: str) -> int | float:
    """As an amount is shown: small ones with all their digits, others whole."""
    digits = money.digits(currency)
    units = minor / 10**digits
    return round(units, digits) if 0 < abs(units) < SMALL_UNITS else round(units)


@functools.lru_cache(SHOWN)
def _number(value: float, language: str) -> str:
    return str(numbers.format_decimal(value, locale=_locale(language)))


@functools.lru_cache(SHOWN, typed=True)
def _money(units: int | float, currency: str, language: str) -> str:
    if isinstance(units, float):
        return str(numbers.format_currency(units, currency, locale=_locale(language)))
    return str(_whole(language).apply(units, _locale(language), currency=currency, currency_digits=False))


@functools.cache
def _whole(language: str) -> Any:
    """How a language writes money without the digits behind its point."""
    pattern = copy.copy(_locale(language).currency_formats["standard"])
    pattern.frac_prec = (0, 0)
    return pattern


@functools.lru_cache(SHOWN)
def _form(value: float, forms: tuple[str, ...], language: str) -> str:
    category = _locale(language).plural_form(value)
    return forms[0] if category == "one" or len(forms) == 1 else forms[-1]


@functools.cache
def _locale(language: str) -> Locale:
    return Locale.parse(language)
