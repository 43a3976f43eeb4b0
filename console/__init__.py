"""Edge: the web page and the web API that launches fetchers. Empty until its issue."""
