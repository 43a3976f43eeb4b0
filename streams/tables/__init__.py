"""Files as people export them become a history: tables of orders, subscriptions, sessions, and the maps of them."""
