"""Money by its currency's own digits, as CLDR has them: two for USD, none for JPY, three for KWD.

Fields named `…_cents` count the smallest unit of the country's currency: 3980 of JPY are 3980 yen.
"""

from __future__ import annotations

import functools

from scv.errors import did_you_mean


@functools.cache
def digits(currency: str) -> int:
    """How many digits a currency has behind its point; two for one that CLDR does not know.

    >>> [digits(one) for one in ("USD", "JPY", "KWD")]
    [2, 0, 3]
    """
    from babel.numbers import get_currency_precision  # 30 ms; who shows no money need not wait

    return int(get_currency_precision(currency))


def text(minor: float, currency: str, decimal: str = ".") -> str:
    """An amount in the smallest unit of a currency, for people.

    >>> text(1085, "USD"), text(3980, "JPY"), text(1234.6, "KWD", ",")
    ('10.85 USD', '3980 JPY', '1,235 KWD')
    """
    places = digits(currency)
    return f"{minor / 10**places:.{places}f}".replace(".", decimal) + f" {currency}"


def unknown(currency: str) -> str:
    """What to say of a code that is no currency; "" for one that is.

    >>> unknown("EUR"), unknown("EURO")
    ('', "'EURO' is no currency. Did you mean 'EUR'?")
    """
    from babel.numbers import list_currencies

    codes = list_currencies()
    return "" if currency in codes else f"{currency!r} is no currency.{did_you_mean(currency, sorted(codes))}"
