"""Where an address is, as far as the operator has named networks; nothing is looked up outside."""

from collections.abc import Mapping
from ipaddress import ip_address, ip_network


def place_of(address: str, places: Mapping[str, str]) -> str:
    """Name the network of an address: the narrowest one that the configuration names."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return ""
    mapped = getattr(parsed, "ipv4_mapped", None) or parsed
    found = [
        (network.prefixlen, name)
        for network, name in ((ip_network(one), name) for one, name in places.items())
        if network.version == mapped.version and mapped in network
    ]
    return max(found, default=(0, ""))[1]
