"""The end of a run's prefix in an object store. The guardian runs it with the place when pytest is gone."""

import sys

from acceptance.errors import exit_code_of
from acceptance.storage.bucket import Bucket
from acceptance.storage.location import read_location


def main(place: str) -> int:
    return exit_code_of(lambda: Bucket(read_location(place, place)).delete_all())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
