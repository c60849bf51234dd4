"""``python -m counterpoise`` is the command line."""

from counterpoise.cli import main

main()
