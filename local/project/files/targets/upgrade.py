"""A target: who is asked about, what may happen to them next, and within which days. A country's file lists it."""

from scv.targets.population import Among
from scv.targets.target import Clause, Target

LARGE = 5000  # cents

UPGRADE = Target(
    "upgrade",
    basis="recorded",  # told by events; "derived" is told by silence
    # What its probability is the probability of; names of a country's settings stand in braces.
    template="an order of 50.00 or more in the next {horizon_days} days, after none in the last four weeks",
    horizon="horizon_days",
    # The event: an order of so much, from the reference to the end of the horizon.
    clauses=(Clause("orders", ("placed",), "horizon_days", where=(("amount_cents", ">=", LARGE),)),),
    # The population: who meets all of these. Of the others the last words say why they are not asked about.
    among=(
        Among("orders__days_since", "<=", "active_days", "no order in the last {active_days} days"),
        Among("baskets__meals", ">=", 4, "gets the small box, which never costs as much"),
        Among("baskets__largest_28d", "<", LARGE, "has ordered as much in the last four weeks"),
    ),
)
