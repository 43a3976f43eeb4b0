"""The Feast edge: views derived from the fetchers, the online store, batch engine and registry plug-ins."""

import typeguard

# Feast has the types of its own calls checked as they run, for which each of its modules is compiled anew once a
# method: three quarters of its start. The stock `feast`, which was imported before, keeps the checks.
_checked = typeguard.typechecked
typeguard.typechecked = lambda target: target  # type: ignore[assignment]
try:
    import feast  # noqa: F401
finally:
    typeguard.typechecked = _checked
