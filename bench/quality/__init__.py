"""`make bench-quality`: frozen champions on later Tuesdays of several shops, beside what one tries in an afternoon."""
