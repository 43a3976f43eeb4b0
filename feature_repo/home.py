"""Where CEREBRO_HOME is when Feast calls: `feast apply` changes into this folder before it reads anything."""

from __future__ import annotations

import os
from pathlib import Path

from scv import project
from scv import settings as scv_settings
from scv.settings import PREFIX, Settings

REPO = Path(__file__).resolve().parent
_STARTED_IN = Path.cwd()  # Feast imports the plug-ins of feature_store.yaml before it changes the directory
project.stay()


def settings() -> Settings:
    """The settings of this process, its home as an absolute folder.

    A relative home (the default is ./var) lies in the working directory. Where that is this folder, because Feast
    went there, it lies in the one that the process started in; called from within, in this folder's parent. A project
    has a folder like this one for Feast, and says itself where its home is.
    """
    folder, told = project.here(), os.environ.get(PREFIX + "HOME")
    if folder and not told:
        return scv_settings.load()
    home = Path(told or Settings().home).expanduser()
    repos = (REPO, folder / REPO.name) if folder else (REPO,)
    start = next((one for one in (Path.cwd(), _STARTED_IN) if one not in repos), folder or REPO.parent)
    return scv_settings.load({**os.environ, PREFIX + "HOME": str((start / home).resolve())})
