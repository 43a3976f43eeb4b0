"""The online store as every edge meets it: one client policy, the lock, signs of life, the request to commit."""
