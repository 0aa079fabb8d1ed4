"""Lets `python -m drltrade` do what `drltrade` does."""

import sys

from drltrade.cli import main

if __name__ == "__main__":
    sys.exit(main())
