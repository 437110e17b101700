"""`python -m deploy.cli` is `upnext`."""

from deploy.cli import main

if __name__ == "__main__":
    main()
