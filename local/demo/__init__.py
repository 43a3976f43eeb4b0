"""The demo: command lines, one after the other, and a narrator who says what each of them means."""
