"""A process that runs one pass of the sequencer; made to be killed: `integrator.py ROOT`."""

import sys
from pathlib import Path

from tests.audit.city import City

if __name__ == "__main__":
    City(Path(sys.argv[1])).integrate()
