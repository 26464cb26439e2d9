"""``python -m provscan`` is the same as ``provscan``."""

from provscan.cli import main

if __name__ == "__main__":
    main(prog_name="provscan")
