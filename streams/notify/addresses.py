"""Which network addresses a message may go to: none of loopback, link-local, private or own networks. Pure.

Whoever may enter a webhook's URL must not reach what only this machine can reach (SSRF, OWASP API7:2023).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True)
class Allowed:
    """Exceptions: names of hosts, and networks."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Allowed:
        """A comma list of host names, addresses and networks; raises ValueError naming the one that is none.

        >>> Allowed.parse("sms.local, 10.1.0.0/16").hosts
        frozenset({'sms.local'})
        """
        hosts, networks = set(), []
        for part in filter(None, (p.strip().lower().rstrip(".") for p in text.split(","))):
            try:
                networks.append(ipaddress.ip_network(part))
            except ValueError:
                if "/" in part or not all(c.isalnum() or c in "-._" for c in part):
                    raise ValueError(
                        f"{part[:60]!r} is no host, address or network, as in sms.example.com, 10.1.2.3 or 10.1.0.0/16"
                    ) from None
                hosts.add(part)
        return cls(frozenset(hosts), tuple(networks))

    def host(self, name: str) -> bool:
        return name.lower().rstrip(".") in self.hosts


def refused(address: str, allowed: Allowed = Allowed(), own: Iterable[Network] = ()) -> str:
    """Why nothing is sent to this IP address, "" where it may be. `own`: networks of this machine.

    >>> refused("127.0.0.1"), refused("::ffff:10.0.0.1"), refused("8.8.8.8")
    ('127.0.0.1 is a loopback address', '10.0.0.1 is a private address', '')
    """
    try:
        ip = _inner(ipaddress.ip_address(address.partition("%")[0]))
    except ValueError:
        return f"{address[:60]!r} is no IP address"
    if any(ip in network for network in allowed.networks if network.version == ip.version):
        return ""
    for is_it, what in (
        (ip.is_loopback, "a loopback"), (ip.is_unspecified, "an unspecified"), (ip.is_link_local, "a link-local"),
        (ip.is_multicast, "a multicast"), (ip.is_private, "a private"), (not ip.is_global, "a reserved"),
    ):  # fmt: skip
        if is_it:
            return f"{ip} is {what} address"
    if any(ip in network for network in own if network.version == ip.version):
        return f"{ip} is in a network of this machine"
    return ""


def _inner(ip: Address) -> Address:
    """The IPv4 address that an IPv6 one carries (mapped, 6to4, NAT64, Teredo), else itself."""
    if isinstance(ip, ipaddress.IPv6Address):
        if ip.ipv4_mapped or ip.sixtofour:
            return ip.ipv4_mapped or ip.sixtofour or ip
        if ip in _NAT64:
            return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if ip.teredo:
            return ip.teredo[1]
    return ip
