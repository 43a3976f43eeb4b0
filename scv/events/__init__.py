"""What happened and when: events, arrivals, admission, the calendar, clocks, countries, partitions."""
