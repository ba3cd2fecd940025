"""``python -m actspec``: the command line."""

from actspec.cli import main

if __name__ == "__main__":
    main()
