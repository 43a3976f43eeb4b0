"""`make bench-scorer`: how many questions a second a core answers, ours and what one writes with the same parts."""
