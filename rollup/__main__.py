"""`python -m rollup` is the command `plumbline`."""

from rollup.cli import main

main()
