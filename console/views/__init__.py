"""The pages for people, by subject: each file has its router, and every page a name."""

from console.views import customer, fetchers, jobs, letters, models, static, today, tuesday, worth

VIEWS = (today, customer, tuesday, worth, models, fetchers, jobs, letters, static)
