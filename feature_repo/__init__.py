"""The Feast edge: views derived from the fetchers, the online store, batch engine and registry plug-ins."""
