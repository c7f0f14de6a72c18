"""Workflows: a codeset is registered, a workflow builds, trains and serves it, and an application comes of it.

What a run does with them knows no product: `protocol.py` says what each must do. May import `training` and `serving`.
"""
