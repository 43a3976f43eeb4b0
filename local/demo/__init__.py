"""The demo: its stage (services and replay), its households and its chapters."""
