"""The truth of a simulated world beside what a model said: rows, judgement, page."""
