"""Prints as JSON which device engines compute on; ``maskwright doctor`` runs it alone, because torch may not load."""

from __future__ import annotations

import json

from inference import device


def main() -> None:
    """Print the device's name and, for the CPU, why no GPU is used."""
    chosen = device.chosen()
    print(json.dumps({"device": device.describe().name, "reason": chosen.reason}))


if __name__ == "__main__":
    main()
