"""What the product knows, a room a domain: no pytest in here. docs/organization.md says what goes where."""
