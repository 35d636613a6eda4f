"""The authorities that one directory holds, by name."""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509

from cardbridge.lab import authorities, keys
from cardbridge.lab.authorities import Authority, Signer
from cardbridge.lab.clock import Clock
from cardbridge.lab.profiles import Profile


@dataclass
class Offices:
    """Founds authorities and finds them again. No two of them ever share a key."""

    directory: Path
    base_url: str
    clock: Clock
    _known: dict[str, Authority] = field(default_factory=dict, repr=False)

    @property
    def names(self) -> list[str]:
        """The names of all, roots, namesakes and later generations included."""
        stems = (path.name.removesuffix(".cer") for path in self.directory.glob("*.cer"))
        return sorted(stem for stem in stems if not stem.endswith(".ocsp"))

    def url_of(self, name: str) -> str:
        """Tell where an authority publishes its lists and answers."""
        return f"{self.base_url}/{name}"

    def get(self, name: str) -> Authority:
        """Give the authority of that name.

        Raises:
            LookupError: there is none.
        """
        if name not in self._known:
            if name not in self.names:
                raise LookupError(f"no authority is called {name!r}")
            self._known[name] = authorities.load(self.directory, name)
        return self._known[name]

    def found_root(self, name: str, subject: x509.Name) -> Authority:
        """Found a root with a new key; P-384, as the state's own test root has."""
        key = keys.fresh("p384")
        return self._open(name, authorities.certify(subject, key, self.clock(), by=None))

    def found_below(self, name: str, profile: Profile, root: str) -> Authority:
        """Found an authority that issues cards and may found none below itself."""
        signer = authorities.certify(
            profile.issuer,
            keys.fresh("rsa2048"),
            self.clock(),
            by=self.get(root).signer,
            url=self.url_of(root),
            path_length=0,
        )
        return self._open(name, signer)

    def chain(self, name: str) -> tuple[bytes, ...]:
        """Give the certificate of an authority and of its root, as DER."""
        below = self.get(name)
        roots = (self.get(one) for one in self.names if self.get(one).is_root)
        above = next(root for root in roots if root.key_id == below.issuer_key_id)
        return below.signer.der, above.signer.der

    def _open(self, name: str, signer: Signer) -> Authority:
        responder = authorities.appoint_responder(signer, self.clock(), keys.fresh("p256"))
        self._known[name] = Authority(name, signer, responder)
        authorities.save(self.directory, self._known[name])
        return self._known[name]
