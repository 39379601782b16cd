"""The static figure of one attribution, drawn by matplotlib.

The package is not called `figure`: once imported, it would hide the function of that name.
"""

import os


def _import_matplotlib() -> None:
    """Import matplotlib whatever MPLBACKEND says: no figure of ours is shown by a backend.

    A notebook sets it for all processes that it starts, and a value that matplotlib does not know
    there makes its import fail. Code of the user finds the backend that it would find without us.
    """
    backend = os.environ.pop("MPLBACKEND", None)
    import matplotlib

    if backend is None:
        return
    os.environ["MPLBACKEND"] = backend
    try:
        matplotlib.rcParams["backend"] = backend
    except ValueError:  # of no use here, and the user's own matplotlib says so
        return


_import_matplotlib()
