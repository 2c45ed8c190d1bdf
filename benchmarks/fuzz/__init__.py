"""Messages made from the catalogue against a running system."""
