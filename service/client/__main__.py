"""`python -m service.client`: see `service/client_command.py`."""

import sys

from service.client_command import main

if __name__ == "__main__":
    sys.exit(main())
