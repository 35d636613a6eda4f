"""What Kerberos' programs and libraries have to be told of a domain on loopback."""

from pathlib import Path

from demo.samba.plans import Plan


def write_krb5_conf(path: Path, plan: Plan, *controllers: str) -> None:
    """Tell where the domain is: no DNS, no guesses; keys of AES alone."""
    kdcs = "\n".join(f"    kdc = {one}" for one in controllers)
    path.write_text(
        f"[libdefaults]\n  default_realm = {plan.realm}\n  dns_lookup_kdc = false\n"
        "  dns_lookup_realm = false\n  dns_canonicalize_hostname = false\n  rdns = false\n"
        "  udp_preference_limit = 1\n"
        "  permitted_enctypes = aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96\n"
        f"[realms]\n  {plan.realm} = {{\n{kdcs}\n  }}\n"
        f"[domain_realm]\n  .{plan.dns_name} = {plan.realm}\n  localhost = {plan.realm}\n"
    )
