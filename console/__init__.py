"""The web API and the pages. An edge: it knows scv, the store and the scorer's client; the rest is handed to it."""
