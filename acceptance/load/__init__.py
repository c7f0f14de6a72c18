"""Loads on an endpoint: plan, generator, result, and CPU against GPU. May import `serving` and what that may."""
