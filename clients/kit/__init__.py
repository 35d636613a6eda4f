"""What every relying app needs: sign-in, local session, sign-out from afar, linking, pages.

An app gives :func:`clients.kit.pages.create_app` its configuration and its blueprints, and
asks :func:`clients.kit.session.signed_in` who is there. What an issuer says is believed
only after it is verified here: issuer, algorithms and ``iss`` are pinned, not discovered.
"""
