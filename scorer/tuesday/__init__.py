"""Tuesday's file: everyone scored, the list of contacts, published whole."""
