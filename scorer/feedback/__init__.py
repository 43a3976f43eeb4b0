"""Were earlier lists right? Outcomes, figures and the page."""
