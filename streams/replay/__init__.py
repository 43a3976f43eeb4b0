"""Histories from files, sent in the order in which they were seen."""
