"""The web API and its page: launches fetches and shows how they go. An edge: it knows scv and the store only."""
