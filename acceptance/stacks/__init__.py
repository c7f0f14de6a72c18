"""What a target can do, one file each, behind the protocols in `protocol`. May import every other room but `report`."""
