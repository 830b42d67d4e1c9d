"""`python -m cli`, for a checkout where nothing was installed."""

from cli.main import main

main()
