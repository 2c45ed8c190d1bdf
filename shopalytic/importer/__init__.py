"""Orders from files, through the same stream and pipeline as those from pages."""

from shopalytic.importer.orders import ImportReport, import_orders
from shopalytic.importer.table import Table, open_table

__all__ = ["ImportReport", "Table", "import_orders", "open_table"]
