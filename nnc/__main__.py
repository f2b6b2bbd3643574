"""`python -m nnc` is `nnc`."""

import sys

from nnc.cli import main

if __name__ == "__main__":
    sys.exit(main())
