"""A process beside the ranks that notices when one of them dies, names it, and has the others end.

Every rank keeps a connection to it.  The system closes that of a process that dies, whatever killed it, and keep-alive
packets find a machine that is gone.  It is no rank itself, so no launcher ends it before it has spoken.

It is started by rank 0, as a script without the library: reads the token of its run and the number of ranks from its
input, and prints the port on which it listens.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import sys
import time

ALIVE = 1.0  # 1.0 is free: seconds for all ranks to say good-bye once one has failed
KEEP_ALIVE = {"TCP_KEEPIDLE": 2, "TCP_KEEPINTVL": 1, "TCP_KEEPCNT": 5}  # 2, 1 and 5 are free: seconds, probes


def keep_alive(connection: socket.socket) -> None:
    """Let the system look after a silent connection: it breaks some seven seconds after the other machine is gone."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in KEEP_ALIVE.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 7000)


class Sentinel:
    """The connections by rank, and what each rank said of itself."""

    def __init__(self, token: str, size: int) -> None:
        self.token, self.size = token, size
        self.names: dict[int, str] = {}
        self.connections: dict[int, socket.socket] = {}
        self.gone: set[int] = set()
        self.selector = selectors.DefaultSelector()
        self.buffers: dict[socket.socket, bytes] = {}

    def listen(self) -> None:
        listener = socket.create_server(("", 0), backlog=self.size + 8)
        print(listener.getsockname()[1], flush=True)
        self.selector.register(listener, selectors.EVENT_READ)
        started = time.monotonic()
        while len(self.gone) < self.size:
            for key, _ in self.selector.select(5.0):
                if key.fileobj is listener:
                    connection, _address = listener.accept()
                    keep_alive(connection)
                    self.buffers[connection] = b""
                    self.selector.register(connection, selectors.EVENT_READ)
                else:
                    self.read(key.fileobj)  # type: ignore[arg-type]
            if not self.connections and time.monotonic() - started > 60.0:
                return  # nobody came

    def read(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(65536)
        except OSError:
            data = b""
        self.buffers[connection] += data
        *lines, self.buffers[connection] = self.buffers[connection].split(b"\n")
        for line in lines:
            self.hear(connection, line.decode("utf-8", "replace"))
        if not data:
            self.selector.unregister(connection)
            connection.close()
            for rank, known in self.connections.items():
                if known is connection and rank not in self.gone:
                    self.died(rank)

    def hear(self, connection: socket.socket, line: str) -> None:
        """ "hello TOKEN RANK NAME", "bye RANK" or "failed RANK what"."""
        word, _, rest = line.partition(" ")
        if word == "hello":
            token, rank, name = rest.split(" ", 2)
            if token == self.token:
                self.connections[int(rank)] = connection
                self.names[int(rank)] = name
        elif connection in self.connections.values():
            rank, _, what = rest.partition(" ")
            if word == "bye":
                self.gone.add(int(rank))
                self.tell(f"left {rank}")
            elif word == "failed":
                self.tell(f"failed {rank} {what}", but=int(rank))

    def tell(self, line: str, but: int = -1) -> None:
        for rank, connection in self.connections.items():
            if rank not in self.gone and rank != but:
                with contextlib.suppress(OSError):
                    connection.sendall(f"{line}\n".encode())

    def died(self, rank: int) -> None:
        """Say which rank is gone, and have the others end."""
        print(
            f"lamina.distribution: rank {rank} of {self.size} ({self.names[rank]}) died without a word, as processes "
            "do that are killed or run out of memory; all ranks end",
            file=sys.stderr, flush=True,
        )  # fmt: skip
        self.gone.add(rank)
        self.tell(f"died {rank}")
        end = time.monotonic() + ALIVE
        while time.monotonic() < end and len(self.gone) < self.size:
            for key, _ in self.selector.select(0.05):
                if isinstance(key.fileobj, socket.socket) and key.fileobj in self.buffers:
                    with contextlib.suppress(OSError):
                        if not key.fileobj.recv(65536):
                            self.selector.unregister(key.fileobj)
        os._exit(1)


if __name__ == "__main__":
    given, ranks = sys.stdin.readline().split()
    Sentinel(given, int(ranks)).listen()
