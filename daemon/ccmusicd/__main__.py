"""`python -m ccmusicd`."""

from ccmusicd.cli import main

if __name__ == "__main__":
    main()
