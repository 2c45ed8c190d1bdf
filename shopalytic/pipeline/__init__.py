"""The worker's way from a message to a row: reading, who is who, enrichment in named steps, storing."""
