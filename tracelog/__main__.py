"""
`python -m tracelog` and the command `tracelog`.
"""

from tracelog.cli import main

if __name__ == "__main__":
    main()
