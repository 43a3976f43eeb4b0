"""The composition root: one file per command. May import every edge; only `cli.py` imports it.

A file that defines `command` (a click command) is a command named like the file.
The first line of its docstring is its line in `cerebro --help`; its own `--help` ends with an example.
It imports edges inside its functions where that keeps `--help` fast, and may return its exit code.
"""
