"""The end of a run's prefix in an object store. The guardian runs it with the place when pytest is gone."""

import sys

from acceptance.errors import AcceptanceError
from acceptance.storage.bucket import Bucket
from acceptance.storage.location import read_location


def main(place: str) -> int:
    try:
        Bucket(read_location(place, place)).delete_all()
    except AcceptanceError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
