"""The small programs of tests/helpers/, which make builds beside platen."""

import os

from program import PLATEN


def helper(name):
    """The program's path. It has to be there: make test builds it."""
    path = os.path.join(os.path.dirname(PLATEN), "helpers", name)
    assert os.access(path, os.X_OK), path + " is not built: make test does it"
    return path
