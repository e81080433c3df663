"""Whether layers run on stand-ins of a drawn model, only to see what comes out."""

from __future__ import annotations

import threading


class _Trial(threading.local):
    running = False


trial = _Trial()
