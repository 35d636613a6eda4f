"""What a fault of a directory is in plain words, and what mends it. For operators, in English.

Libraries and controllers say the same thing in many ways; what they said goes along as
``detail``, for whoever asks somebody else.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from idp.authenticators.directory.model import Standing


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, and what mends it."""

    found: str
    fix: str
    detail: str = ""
    """As it was said."""


# The first sign that a text holds decides; signs as OpenSSL, the system and AD write them.
# Without words of our own: it is said plainly enough.
_SIGNS: tuple[tuple[str, str, str], ...] = (
    ("80090346", "a policy of the controller demands channel bindings of simple binds",
     "allow simple binds over LDAPS without them for the machine of this service"),
    ("data 52e", "the service account is refused: its name or its password is wrong",
     "compare `bind_dn` and its password with the account in the directory"),
    ("data 533", "the service account is disabled", "enable it in the directory"),
    ("data 775", "the service account is locked",
     "unlock it, and look who tries wrong passwords with it"),
    ("data 701", "the service account has expired", "take the date off it in the directory"),
    ("data 532", "the password of the service account is past its time",
     "set a new one, for ever (`PasswordNeverExpires`), and write it into the file"),
    ("data 773", "the password of the service account has to be changed first",
     "take “must change password at next logon” off it"),
    ("data 530", "the service account may not sign in at this hour", "take its hours off it"),
    ("data 531", "the service account may not sign in from here", "take its workstations off it"),
    ("invalidCredentials", "the service account is refused: its name or its password is wrong",
     "compare `bind_dn` and its password with the entry in the directory"),
    ("invalidDNSyntax", "`bind_dn` or `base` is no DN", "write it as CN=svc,OU=Services,DC=…"),
    ("bind_password_file", "",
     "write it into that file, and let the user of the service alone read it (0400)"),
    ("bind_password", "the service account has no password here", "set `bind_password_file`"),
    ("referral", "the directory says that another one has it",
     "`base` is in another domain: that is a second [[directories]]"),
    ("noSuchObject", "there is no such entry", "compare `base` with the directory"),
    ("insufficientAccess", "the service account may not read it", "grant it reading there"),
    ("mismatch", "the certificate names another host",
     "write the name that it has into `hosts`, or give the controller another certificate"),
    ("not valid for", "the certificate names another host",
     "write the name that it has into `hosts`, or give the controller another certificate"),
    ("has expired", "the certificate of the controller has ended", "renew it there"),
    ("not yet valid", "the certificate begins in the future", "compare the clocks of both"),
    ("CERTIFICATE_VERIFY_FAILED", "the certificate is of an authority that is not believed",
     "put the authority of the domain into `ca_file` (PEM)"),
    ("WRONG_VERSION_NUMBER", "what listens there does not speak TLS",
     "LDAPS is spoken, on 636; not StartTLS on 389"),
    ("refused", "nothing listens there",
     "LDAPS needs a certificate on the controller; the port is 636"),
    ("name server", "the name server did not answer in time",
     "is the name server of the domain asked on this machine?"),
    ("no address", "there is no such name",
     "compare `hosts`; is the name server of the domain asked on this machine?"),
    ("unreachable", "no way leads there", "look at the route, and open 636/tcp from here"),
    ("No route", "no way leads there", "look at the route, and open 636/tcp from here"),
    ("timed out", "it does not answer in time",
     "a firewall, or a controller that hangs: open 636/tcp from here"),
    ("in peace", "it did not answer a moment ago, and is left in peace", "try again later"),
    ("reset", "the other side hangs up", "LDAPS needs a certificate on the controller"),
    ("EOF", "the other side hangs up", "LDAPS needs a certificate on the controller"),
    ("socket", "the other side hangs up or does not answer in time",
     "a controller that hangs, or a box between: open 636/tcp from here"),
)  # fmt: skip
_UNKNOWN = "look into the log of the controller"

_MEND = "in the directory"
STANDINGS: Mapping[Standing, tuple[str, str]] = {
    Standing.NOBODY: (
        "nobody has this name there",
        "compare it with `account_attribute`, `upn_suffixes`, `domain` and `base`",
    ),
    Standing.DISABLED: ("the account is disabled", f"enable it {_MEND}"),
    Standing.EXPIRED: ("the account has expired", f"give it another date {_MEND}"),
    Standing.PASSWORD_EXPIRED: ("its password is past its time", "the holder changes it at work"),
    Standing.MUST_CHANGE: (
        "its password has to be changed first",
        "the holder changes it on a computer of the domain",
    ),
    Standing.LOCKED: ("the account is locked", f"unlock it {_MEND}, or wait"),
    Standing.OUTSIDE_HOURS: (
        "the account may not sign in at this hour",
        f"look at its hours {_MEND}",
    ),
    Standing.OTHER_WORKSTATION: (
        "the account may sign in on certain computers alone",
        f"take its workstations off it {_MEND}",
    ),
    Standing.NOT_ALLOWED: (
        "the account is good, and not in `people_group`",
        "put it, or a group of it, into that group",
    ),
    Standing.UNREACHABLE: ("no controller answers", "see above"),
    Standing.UNANSWERED: ("a controller breaks off in the middle", "look into its log"),
    Standing.BUSY: ("too much is asked of the directory at this moment", "try again"),
    Standing.MISCONFIGURED: (
        "the directory refuses the question, or lets its state not be read",
        "see above; let the service account read the attributes that docs/directory.md lists",
    ),
}  # fmt: skip


def plain(said: str) -> Fault:
    """Say in plain words what a library or a controller has said."""
    lowered = said.casefold()
    for sign, found, fix in _SIGNS:
        if sign.casefold() in lowered:
            return Fault(found or said, fix, said)
    return Fault("it does not work", _UNKNOWN, said)
