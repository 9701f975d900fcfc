"""`python -m streams.cli`: how `cityops up` starts its children."""

from streams.cli import main

main()
