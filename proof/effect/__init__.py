"""The effect of contact where it is known: lists in invented worlds, judged as the feedback page judges them."""
