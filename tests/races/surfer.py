"""A browser without JavaScript over real HTTP: just enough to sign in and hold a session."""

import re
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import httpx2

from tests.people import CHALLENGE, VERIFIER

CALLBACK = "http://localhost:8787/callback"


@dataclass
class Surfer:
    """Somebody at a running provider, as an app of theirs sees it too."""

    url: str
    client_id: str
    client_secret: str
    http: httpx2.Client = field(default_factory=lambda: httpx2.Client(timeout=30))

    def authorize(self) -> httpx2.Response:
        """Ask for authorization and follow the provider's own redirects."""
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": CALLBACK,
            "scope": "openid offline_access",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        }
        return self._follow(self.http.get(f"{self.url}/authorize", params=query))

    def sign_in(self, username: str, password: str) -> httpx2.Response:
        """Go through the sign-in page to the app."""
        return self._fill_in(self.authorize(), username, password)

    def sign_in_at(self, address: str, username: str, password: str) -> httpx2.Response:
        """Go to an address an app has made, and through the sign-in page back to the app."""
        return self._fill_in(self._follow(self.http.get(address)), username, password)

    def _fill_in(self, page: httpx2.Response, username: str, password: str) -> httpx2.Response:
        fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        fields |= {"username": username, "password": password}
        return self._follow(self.http.post(f"{self.url}/signin/password", data=fields))

    def code(self) -> str:
        """Get a code with the session at hand."""
        location = self.authorize().headers["Location"]
        return parse_qs(urlsplit(location).query)["code"][0]

    def redeem(self, http: httpx2.Client, code: str) -> httpx2.Response:
        """Redeem a code."""
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "code_verifier": VERIFIER,
        }
        return self.post(http, "/token", form)

    def refresh(self, http: httpx2.Client, token: str) -> httpx2.Response:
        """Use a refresh token."""
        return self.post(http, "/token", {"grant_type": "refresh_token", "refresh_token": token})

    def post(self, http: httpx2.Client, path: str, form: dict[str, str]) -> httpx2.Response:
        """Post a form as the app."""
        return http.post(f"{self.url}{path}", data=form, auth=(self.client_id, self.client_secret))

    def _follow(self, response: httpx2.Response) -> httpx2.Response:
        for _ in range(8):
            location = response.headers.get("Location", "")
            if not location or location.startswith(CALLBACK):
                break
            response = self.http.get(httpx2.URL(self.url).join(location))
        return response
