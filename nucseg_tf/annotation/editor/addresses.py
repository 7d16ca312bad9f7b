"""Under which names and addresses other computers reach this one."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

ANY = ("0.0.0.0", "::")
ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}  # of no computer
SIOCGIFADDR = 0x8915  # Linux: the address of an interface


def hosts_of(host: str, listener: socket.socket) -> list[str]:
    """What stands for the host in addresses of the page, the best first.

    Args:
        host: that the server listens on.
        listener: the same.

    Returns:
        The host; of all interfaces this computer's name, if that means one of them, then their
        addresses, that of the way to other networks first; 127.0.0.1 where there is no network.
    """
    if host not in ANY:
        return [host]
    families = [listener.family]
    if listener.family == socket.AF_INET6:
        only = listener.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
        families = [socket.AF_INET6] if only else [socket.AF_INET, socket.AF_INET6]
    found = [address for family in families for address in interfaces(family)]
    return [*_names(found), *found] or ["127.0.0.1"]


def url(host: str, port: int, token: str) -> str:
    """The address of the page."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{port}/#token={token}"


def interfaces(family: socket.AddressFamily) -> list[str]:
    """Addresses of this computer that others can reach, of IPv4 or IPv6."""
    read = _all_ipv4 if family == socket.AF_INET else _all_ipv6
    known = list(read()) or _resolved(socket.gethostname(), family)
    candidates = [*_towards_others(family), *known]
    return list(dict.fromkeys(a for a in candidates if _is_reachable(a)))


def _is_reachable(address: str) -> bool:
    """Whether it is no loopback, nor one that needs the name of an interface beside it."""
    known = ipaddress.ip_address(address.partition("%")[0])
    return not (known.is_loopback or known.is_link_local or known.is_unspecified)


def _towards_others(family: socket.AddressFamily) -> Iterator[str]:
    """The address on the way to other networks; nothing is sent."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((ELSEWHERE[family], 9))
        except OSError:  # no such way
            return
        yield probe.getsockname()[0]


def _all_ipv4() -> Iterator[str]:
    """Of each interface, on Linux; elsewhere what the name means has to do."""
    try:
        import fcntl
    except ImportError:  # Windows
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(probe, SIOCGIFADDR, struct.pack("256s", name.encode()[:15]))
            except OSError:  # an interface without an address, or no Linux
                continue
            yield socket.inet_ntoa(answer[20:24])


def _all_ipv6() -> Iterator[str]:
    try:
        lines = Path("/proc/net/if_inet6").read_text(encoding="ascii").splitlines()
    except OSError:  # no Linux, or no IPv6
        return
    for line in lines:
        yield str(ipaddress.IPv6Address(int(line.split()[0], 16)))


def _resolved(name: str, family: socket.AddressFamily) -> list[str]:
    try:
        return [str(entry[4][0]) for entry in socket.getaddrinfo(name, None, family)]
    except OSError:  # a name that means nothing
        return []


def _names(addresses: Iterable[str]) -> list[str]:
    """The name of this computer, if it means one of its addresses; often it means 127.0.0.1."""
    name = socket.gethostname()
    known = {a for family in ELSEWHERE for a in _resolved(name, family)}
    return [name] if known & set(addresses) else []
