"""What an operator sees of a running process: one list of metrics, the page that is scraped, rules and a dashboard."""
