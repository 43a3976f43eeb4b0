"""The closed words of contacts: another spelling would leave a consent standing that was withdrawn, or count apart what
is one thing."""

from __future__ import annotations

from typing import Literal

Channel = Literal["email", "phone", "post"]
"""What consent can be given for."""
Disposition = Literal[
    "sent", "no answer", "message left", "wrong contact", "call back", "no interest", "offer accepted", "complained",
    "asked not to be contacted",
]  # fmt: skip
"""What came of a contact: closed, so that everybody counts the same. The first four reached nobody, as far as we know;
after the last nobody contacts the customer before they consent anew."""
NOT_REACHED = ("sent", "no answer", "message left", "wrong contact")
ASKED_NOT = "asked not to be contacted"
