"""What starts on a machine of its own: it leaves our network for an empty one, listens at two ports there, hands both
sockets to the test that waits outside, and becomes `course …`.

Where namespaces are not allowed it stays in our network, and only the relays behind the sockets are its own.
"""

import ctypes
import fcntl
import os
import socket
import struct
import sys

CLONE_NEWNET = 0x40000000
SIOCSIFFLAGS, IFF_UP = 0x8914, 1


def separate() -> None:
    """Leaves the network of this machine for an empty one, if that is allowed."""
    if ctypes.CDLL(None).unshare(CLONE_NEWNET) != 0:
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))


def listening(port: int) -> socket.socket:
    """Several machines in one network share the provider's port: each of them must know it by the same address."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener


def main() -> None:
    channel, *ports = map(int, sys.argv[1:4])
    separate()
    listeners = [listening(port) for port in ports]
    with socket.socket(fileno=channel) as test:
        socket.send_fds(test, [b"."], [one.fileno() for one in listeners])
    os.execv(sys.executable, [sys.executable, "-m", "course", *sys.argv[4:]])


if __name__ == "__main__":
    main()
