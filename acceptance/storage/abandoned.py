"""What runs of this machine left in an object store because they, and their guardian, were killed."""

from acceptance.processes.owner import is_here, owner, process_of
from acceptance.storage.bucket import Bucket
from acceptance.storage.location import Location

# each run's own prefix begins so; the object beneath it says whose it is
NAMED = "triton-acceptance-"
OWNER = "owner"
KEPT = "kept"


def note_owner(bucket: Bucket, keep: bool) -> None:
    """Write whose the run's prefix is, and whether it is to stay."""
    bucket.put(OWNER, f"{owner()}\n{KEPT if keep else ''}".encode())


def delete_abandoned(place: Location) -> list[Location]:
    """Delete the prefixes of this machine's runs that have gone; return them. What was kept, or is another's, stays."""
    found = [Bucket(place.beneath(name)) for name in Bucket(place).folders(NAMED)]
    gone = [bucket for bucket in found if is_abandoned(bucket)]
    for bucket in gone:
        bucket.delete_all()
    return [bucket.location for bucket in gone]


def is_abandoned(bucket: Bucket) -> bool:
    """Say whether the prefix is one of a run that went on here, has gone, and was not to stay."""
    if OWNER not in bucket.names():
        return False
    whose, _, kept = bucket.get(OWNER).decode(errors="replace").partition("\n")
    return is_here(whose) and not process_of(whose) and kept != KEPT
