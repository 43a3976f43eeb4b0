"""The one file that `feast apply` scans. It defines nothing: every view follows from its fetcher in scv/fetchers/.

Feast finds module attributes only, hence globals().
"""

from feature_repo.home import settings
from feature_repo.views import catalogue

globals().update(catalogue(settings()))
