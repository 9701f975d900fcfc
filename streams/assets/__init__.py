"""Assets: from files and rows to records of the registry, and what they must not be."""
