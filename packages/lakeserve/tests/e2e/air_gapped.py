"""Run a command where only loopback leads anywhere, and count what it tried to send elsewhere.

Usage: ``unshare --net --map-root-user python air_gapped.py COMMAND...``. The network namespace
gets loopback and one cable to nowhere with the default routes, so that every packet to any other
address, whatever library sent it, is counted there. Exits with the command's status, or 99 when
something was sent.
"""

import socket
import subprocess
import sys
from pathlib import Path

from pyroute2 import IPRoute

LEAKED = 99
DEVICE, PEER = "outside", "nowhere"
ADDRESS = "192.0.2.1"  # a documentation range (RFC 5737): nobody is there
ADDRESS6 = "2001:db8::1"  # likewise (RFC 3849)


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


def packets_sent() -> int:
    """Packets that left through the cable: the tenth number of its line, after eight received."""
    for line in Path("/proc/self/net/dev").read_text().splitlines():
        name, _, numbers = line.partition(":")
        if name.strip() == DEVICE:
            return int(numbers.split()[9])
    raise LookupError(DEVICE)


def is_counted() -> bool:
    """Whether the trap works: one datagram to nowhere must show."""
    before = packets_sent()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"?", ("198.51.100.1", 9))  # RFC 5737 again
    return packets_sent() == before + 1


def main(command: list[str]) -> int:
    route_everything_to_nowhere()
    subprocess.run(["sleep", "3"], check=True)  # the kernel's own IPv6 announcements pass by
    if not is_counted():
        sys.stderr.write("the trap does not count\n")
        return 1
    before = packets_sent()
    status = subprocess.run(command, check=False).returncode
    if leaked := packets_sent() - before:
        sys.stderr.write(f"{leaked} packets were sent to other machines\n")
        return LEAKED
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
