"""`python -m posetube`: the command line, for when the script is not on the path."""

import sys

from posetube.pipelines.cli import main

if __name__ == "__main__":
    sys.exit(main())
