"""`python -m bench.reality`: the invented world held against real shoppers and published figures."""
