"""What rq's own commands load. A leaf: nothing imports it."""
