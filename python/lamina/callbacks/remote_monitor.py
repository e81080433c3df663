"""Logs sent to a server."""

from __future__ import annotations

import json

import numpy as np

from ..core.warn import warn
from .base import Callback, Logs


class RemoteMonitor(Callback):
    """Sends the number and the logs of each epoch to a server, by POST.

    A server that does not answer in 10 seconds is warned of, and training goes on.

    Args:
        root: the server's address.
        path: the path at the server.
        field: name of the form's field that holds the JSON text.
        headers: further headers of the request, a dict.
        send_as_json: whether the request is the JSON text itself, in place of a form.

    Raises:
        ValueError: the address is none of http or https.

    Source: Keras 3, RemoteMonitor.

    Example:
        >>> monitor = callbacks.RemoteMonitor("http://localhost:9000", send_as_json=True)
        >>> monitor.path
        '/publish/epoch/end/'
    """

    _first_rank_alone = True

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        if not root.startswith(("http://", "https://")):
            raise ValueError(f"RemoteMonitor: root must begin with http:// or https://, got {root!r}")
        self.root, self.path, self.field, self.headers, self.send_as_json = root, path, field, headers, send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        import urllib.error  # which take longer to import than the rest
        import urllib.parse
        import urllib.request

        text = json.dumps({"epoch": epoch, **{name: np.asarray(v).tolist() for name, v in (logs or {}).items()}})
        body, kind = text, "application/json"
        if not self.send_as_json:
            body, kind = urllib.parse.urlencode({self.field: text}), "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, **(self.headers or {})}
        request = urllib.request.Request(self.root + self.path, body.encode(), headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=10):
                pass
        except (urllib.error.URLError, OSError) as error:
            warn(f"RemoteMonitor: could not reach {self.root}: {error}")


__all__ = ["RemoteMonitor"]
