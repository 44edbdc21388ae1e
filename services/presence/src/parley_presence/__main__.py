"""`python -m parley_presence`."""

from parley_presence.main import main

main()
