"""placeholder: written by the data-set helper"""

from __future__ import annotations


class Mask:
    pass
