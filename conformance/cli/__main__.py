"""``python -m conformance.cli``: the same as ``python -m conformance``."""

from __future__ import annotations

from .main import main

if __name__ == "__main__":
    main()
