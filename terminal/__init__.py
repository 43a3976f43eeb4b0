"""What commands share in talking to a terminal: bars, tables, arguments."""
