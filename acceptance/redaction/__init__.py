"""What never reaches a report: secrets, known by their value or by their look. Imports nothing of the suite."""
