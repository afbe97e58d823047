"""Run a command where only loopback leads anywhere, and see what it tried to send elsewhere.

Usage: ``unshare --net --map-root-user python air_gapped.py COMMAND...``. The network namespace
gets loopback and one cable to nowhere with the default routes, so that every packet to any other
address, whatever library sent it, is seen there. Exits with the command's status, or 99 when
something was sent.
"""

import socket
import subprocess
import sys

from pyroute2 import IPRoute

LEAKED = 99
DEVICE, PEER = "outside", "nowhere"
ADDRESS = "192.0.2.1"  # a documentation range (RFC 5737): nobody is there
ADDRESS6 = "2001:db8::1"  # likewise (RFC 3849)
STRANGER = "198.51.100.1"  # RFC 5737 again
ETH_P_ALL, ETH_P_IP, ETH_P_IPV6 = 0x0003, 0x0800, 0x86DD
LINK_LOCAL_MULTICAST = b"\xff\x02"


def route_everything_to_nowhere() -> None:
    with IPRoute() as network:
        (loopback,) = network.link_lookup(ifname="lo")
        network.link("set", index=loopback, state="up")
        network.link("add", ifname=DEVICE, kind="veth", peer=PEER)
        for name in (DEVICE, PEER):
            (index,) = network.link_lookup(ifname=name)
            network.link("set", index=index, state="up", arp=False)
        (outside,) = network.link_lookup(ifname=DEVICE)
        network.addr("add", index=outside, address=ADDRESS, prefixlen=24)
        network.addr("add", index=outside, address=ADDRESS6, prefixlen=64, family=socket.AF_INET6)
        network.route("add", dst="0.0.0.0/0", oif=outside)
        network.route("add", dst="default", oif=outside, family=socket.AF_INET6)


class Listener:
    """Reads what arrives at the far end of the cable, whatever the protocol."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
        self._socket.bind((PEER, 0))
        self._socket.setblocking(False)

    def destinations(self) -> list[str]:
        """Where the packets since the last call were meant to go."""
        found: list[str] = []
        while True:
            try:
                packet, sender = self._socket.recvfrom(2048)
            except BlockingIOError:
                return found
            if destination := _destination(sender[1], packet):
                found.append(destination)


def _destination(ether_type: int, packet: bytes) -> str | None:
    """The address a packet is for; None for what the kernel tells its neighbours by itself."""
    if ether_type == ETH_P_IP:
        return socket.inet_ntop(socket.AF_INET, packet[16:20])
    if ether_type == ETH_P_IPV6 and packet[24:26] != LINK_LOCAL_MULTICAST:
        return socket.inet_ntop(socket.AF_INET6, packet[24:40])
    return None


def main(command: list[str]) -> int:
    route_everything_to_nowhere()
    listener = Listener()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"?", (STRANGER, 9))
    if listener.destinations() != [STRANGER]:
        sys.stderr.write("the trap does not see what is sent\n")
        return 1
    status = subprocess.run(command, check=False).returncode
    if leaked := listener.destinations():
        sys.stderr.write(f"packets were sent to {', '.join(sorted(set(leaked)))}\n")
        return LEAKED
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
