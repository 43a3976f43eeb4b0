"""Every way to a value compared with the batch, customer by customer, and a cause for every difference."""
