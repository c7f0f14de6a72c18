"""FuseML 0.3: one port, with an adapter for its REST API and one for its command line, and what both need."""
