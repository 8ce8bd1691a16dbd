"""A switch whose frames take a while: what comes in at one port leaves at the others DELAY_MS later. For kernels without netem.

usage: switch.py DELAY_MS PORT...
"""

import heapq
import itertools
import select
import socket
import struct
import sys
import time

PACKET_VNET_HDR, SOL_PACKET, ETH_P_ALL, PACKET_OUTGOING = 15, 263, 3, 4
PACKET_IGNORE_OUTGOING = 23
LONGEST = 1 << 17


def open_port(name):
    port = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    # With the header that tells of checksums and segments not yet made: frames between namespaces need neither.
    port.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    port.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        port.setsockopt(socket.SOL_SOCKET, option, 8 << 20)
    port.bind((name, 0))
    port.setblocking(False)
    return port


def main(delay_ms, *names):
    delay = float(delay_ms) / 1000
    ports = [open_port(name) for name in names]
    waiting, order, home = [], itertools.count(), {}
    while True:
        now = time.monotonic()
        timeout = None if not waiting else max(0.0, waiting[0][0] - now)
        ready, _, _ = select.select(ports, [], [], timeout)
        now = time.monotonic()
        for port in ready:
            while True:
                try:
                    frame = port.recv(LONGEST)
                except BlockingIOError:
                    break
                home[frame[16:22]] = port  # after the header of 10 bytes: destination, then source
                heapq.heappush(waiting, (now + delay, next(order), port, frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, source, frame = heapq.heappop(waiting)
            known = home.get(frame[10:16])
            for port in [known] if known else [port for port in ports if port is not source]:
                if port is source:
                    continue
                try:
                    port.send(frame)
                except (BlockingIOError, OSError):
                    pass  # a full queue drops, as a real one does


if __name__ == "__main__":
    assert struct.calcsize("BBHHHH") == 10
    main(*sys.argv[1:])
