"""A cable between two machines that delays packets and loses some: two tun devices, and this process between them.

cable.py NAME NAME MILLISECONDS LOST      LOST: the part of packets that never arrive; prints a line once it is there

Whoever starts it moves the devices where they belong.  Linux's netem does the same where the kernel has it.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import random
import select
import struct
import sys
import time

_SET_DEVICE = 0x400454CA
_TUN_WITHOUT_HEADER = 0x1001


def device(name: str) -> int:
    opened = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(opened, _SET_DEVICE, struct.pack("16sH22x", name.encode(), _TUN_WITHOUT_HEADER))
    return opened


def main() -> None:
    ends = [device(name) for name in sys.argv[1:3]]
    delay, lost = float(sys.argv[3]) / 1e3, float(sys.argv[4])
    rng = random.Random(0)
    under_way: list[tuple[float, int, int, bytes]] = []  # due, number, end, packet
    print("ready", flush=True)
    for number in range(sys.maxsize):
        wait = max(0.0, under_way[0][0] - time.monotonic()) if under_way else None
        for end in select.select(ends, [], [], wait)[0]:
            packet = os.read(end, 1 << 16)
            if rng.random() >= lost:
                other = ends[1 - ends.index(end)]
                heapq.heappush(under_way, (time.monotonic() + delay, 2 * number + ends.index(end), other, packet))
        while under_way and under_way[0][0] <= time.monotonic():
            _, _, end, packet = heapq.heappop(under_way)
            with contextlib.suppress(OSError):  # a device that is down: the packet is lost
                os.write(end, packet)


if __name__ == "__main__":
    main()
