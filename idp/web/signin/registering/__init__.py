"""Opening an account, a page a step (P10, B02). The steps are ``idp.registration.flows``."""

from idp.web.signin.registering import check, choose, details, email, proof, terms

BLUEPRINTS = (
    choose.pages,
    terms.pages,
    proof.pages,
    details.pages,
    email.pages,
    check.pages,
)
