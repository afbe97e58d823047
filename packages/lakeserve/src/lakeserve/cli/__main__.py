"""``python -m lakeserve.cli``: the command line without an installed script."""

from lakeserve.cli.main import main

if __name__ == "__main__":
    main()
