"""The command line: the only place that reads arguments, prints, and exits. One file a verb.

Data goes to stdout, words for people to stderr. Exit codes: 0 clean, 1 findings, 2 usage or input
and output, 3 a fault of nnc's own, 130 interrupted.
"""

from __future__ import annotations

import gc
import os
import sys


def main() -> int:
    """Run the command line with the process's arguments; gives the exit code."""
    if sys.argv[1:] == ["--version"]:
        # Answered before click is loaded: editors and scripts ask for it often.
        from nnc import __version__

        sys.stdout.write(f"nnc {__version__}\n")
        return 0
    # Nothing becomes garbage while modules load and a spec is compiled: collecting costs a tenth
    # of the start and finds nothing. Verbs that run networks turn it on again.
    gc.disable()
    # Where a mistake makes pydantic load, it need not look for plugins: that reads every package.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from nnc.cli.group import run

    code = run(sys.argv[1:])
    # Python ends with one more search for garbage: of nothing, when all that is left is kept.
    gc.freeze()
    return code
