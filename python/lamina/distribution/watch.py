"""This rank's connection to the sentinel: it learns there that another rank died, failed or left."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import struct
import subprocess
import sys
import threading
import time
from typing import Any

from . import sentinel

_GRACE = 5.0  # 5.0 is free: seconds to reach the sentinel
_SIOCGIFADDR = 0x8915  # asks for the address of an interface
_LATE = 3.0  # 3.0 is free: seconds after which a rank that has ended sends nothing any more


class Watch:
    """What happened to other ranks; ``lost`` is the message once one cannot go on, else None."""

    def __init__(self, rank: int, size: int, share: Any) -> None:
        """share: gives rank 0's argument to all ranks."""
        self.rank, self.size = rank, size
        self.lost: str | None = None
        self._left: dict[int, float] = {}  # ranks that ended, and when
        self._connection: socket.socket | None = None
        address = share(self._start() if rank == 0 else None)
        self._connect(*address)

    def _start(self) -> tuple[list[str], int, str]:
        """The sentinel's process, which lives on where this one is killed: hosts, port and token."""
        token = secrets.token_hex(16)
        process = subprocess.Popen(
            [sys.executable, "-S", "-E", sentinel.__file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, text=True,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{token} {self.size}\n")
        process.stdin.flush()
        port = int(process.stdout.readline())
        process.stdout.close()
        process.stdin.close()
        process.returncode = 0  # nobody waits for it, and no warning says so
        return _addresses(), port, token

    def _connect(self, hosts: list[str], port: int, token: str) -> None:
        for host in hosts:
            with contextlib.suppress(OSError):
                connection = socket.create_connection((host, port), timeout=_GRACE / len(hosts))
                connection.settimeout(None)
                sentinel.keep_alive(connection)
                name = f"process {os.getpid()} on {socket.gethostname()}"
                connection.sendall(f"hello {token} {self.rank} {name}\n".encode())
                self._connection = connection
                threading.Thread(target=self._listen, name="lamina-watch", daemon=True).start()
                return

    @property
    def connected(self) -> bool:
        """Whether the sentinel could be reached; else only the launcher notices deaths."""
        return self._connection is not None

    def _listen(self) -> None:
        assert self._connection is not None
        with contextlib.suppress(OSError, ValueError), self._connection.makefile("r", encoding="utf-8") as lines:
            for line in lines:
                word, _, rest = line.strip().partition(" ")
                if word == "left":
                    self._left[int(rest)] = time.monotonic()
                elif word == "failed":
                    rank, _, what = rest.partition(" ")
                    self.lost = f"rank {rank} of {self.size} failed: {what}"
                elif word == "died":
                    os._exit(1)  # the sentinel has said why
        if self.rank not in self._left:
            print(
                f"lamina.distribution: rank {self.rank} of {self.size} lost the machine of rank 0; it ends",
                file=sys.stderr, flush=True,
            )  # fmt: skip
            os._exit(1)

    def check(self) -> None:
        """RuntimeError where the others cannot all come to what this rank waits for."""
        if self.lost is not None:
            raise RuntimeError(f"lamina.distribution: {self.lost}")
        for rank, when in list(self._left.items()):
            if time.monotonic() > when + _LATE:  # what it sent before has come by now
                raise RuntimeError(
                    f"lamina.distribution: rank {rank} of {self.size} has ended while this one still waits for it; all "
                    "ranks must call fit, evaluate and predict alike"
                )

    def fail(self, what: str) -> None:
        """Tell the other ranks that this one cannot go on."""
        self._say(f"failed {self.rank} {' '.join(what.split())}")

    def leave(self) -> None:
        """This rank ends as it should."""
        self._left[self.rank] = time.monotonic()
        self._say(f"bye {self.rank}")

    def _say(self, line: str) -> None:
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.sendall(f"{line}\n".encode())


def _addresses() -> list[str]:
    """Where other machines, and this one, may reach this one: IPv4 addresses of its name and of its interfaces."""
    found = []
    with contextlib.suppress(OSError):
        found += [str(entry[4][0]) for entry in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)]
    if sys.platform == "linux":
        import fcntl

        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            for _, name in socket.if_nameindex():
                with contextlib.suppress(OSError):  # it has none
                    answer = fcntl.ioctl(any_socket, _SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
                    found.append(socket.inet_ntoa(answer[20:24]))
    others = [host for host in dict.fromkeys(found) if not host.startswith("127.")]
    return [*others, "127.0.0.1"]
