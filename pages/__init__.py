"""Reports for people: self-contained HTML pages of text, tables and pictures. Imports nothing of ours."""
