"""The protocol, without HTTP: one module an RFC or a grant.

``server`` is Authlib's authorization server on our storage with stricter defaults;
``checks`` is the authorization request check by check; ``tokens`` signs and verifies,
one function a kind of token. ``idp.web.oidc`` turns bytes into these and back.
"""
