"""Loaded with `-p`: every disk is full."""

import shutil

shutil.disk_usage = lambda path: shutil._ntuple_diskusage(1, 1, 1)
