"""``python -m drp``."""

import sys

from drp.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
