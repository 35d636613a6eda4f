"""Where a build of PyInstaller begins. An app that is opened by its link is told to run."""

import sys

from cardbridge.__main__ import main

if len(sys.argv) == 1 and sys.platform == "darwin":
    sys.argv.append("run")
main()
