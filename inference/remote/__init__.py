"""Engines on another machine: ``maskwright serve`` there, features or masks over HTTP, the window here.

``wire`` and ``codec`` say what travels, ``service`` answers, ``client`` asks, ``engines`` are the engines of this side
(docs/server.md).
"""

from __future__ import annotations

import os

PROTOCOL = 1
"""Raised when messages change in a way that the other side would misunderstand."""

ADDRESS_VARIABLE = "MASKWRIGHT_SERVER"
TOKEN_VARIABLE = "MASKWRIGHT_SERVER_TOKEN"
CERTIFICATE_VARIABLE = "MASKWRIGHT_SERVER_CA"
"""In the environment of the worker: where its server is, what opens it, and who signed its certificate."""

PROTOCOL_HEADER = "Maskwright-Protocol"


def configured() -> bool:
    """Whether a server is to be used. Asks nobody."""
    return bool(os.environ.get(ADDRESS_VARIABLE))
