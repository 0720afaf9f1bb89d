"""`python -m hoatoc`: the command line."""

from hoatoc.cli import main

if __name__ == "__main__":
    main()
