"""Taking over the clients that the configuration declares."""

from idp.audit.events.clients import ClientAdded, ClientChanged, ClientRemoved
from idp.cli.context import fail, operator
from idp.config import ClientSection
from idp.database.transaction import Transaction
from idp.oidc import clients
from idp.oidc.clients import BadRegistration
from idp.oidc.model import Client
from idp.provider import Provider

SOURCE = "config"


def take_over(portico: Provider) -> None:
    """Make the record say what the file says; clients of other sources are left alone."""
    wanted = {one.client_id: one for one in portico.config.clients}
    with portico.database.write(operator()) as tx:
        known = {client.client_id: (source, client) for source, client in clients.everyone(tx)}
        for client_id, registration in wanted.items():
            try:
                _take_over_one(portico, tx, known.get(client_id), registration)
            except BadRegistration as wrong:
                fail(f"[[clients]] {client_id}: {wrong}")
        for client_id, (source, client) in known.items():
            if source == SOURCE and client_id not in wanted and not client.disabled:
                clients.remove(tx, client_id)
                portico.trail.append(tx, ClientRemoved(client_id=client_id, source=SOURCE))
    portico.clients.forget()


def _take_over_one(
    portico: Provider,
    tx: Transaction,
    known: tuple[str, Client] | None,
    registration: ClientSection,
) -> None:
    if known is None:
        clients.add(tx, registration, source=SOURCE)
        added = ClientAdded(client_id=registration.client_id, source=SOURCE)
        portico.trail.append(tx, added)
        return
    source, client = known
    if source != SOURCE:
        raise BadRegistration("is registered by an operator already")
    if client.disabled or not client.says(registration):
        clients.change(tx, registration)
        if client.disabled:
            clients.bring_back(tx, registration.client_id)
        changed = ClientChanged(client_id=registration.client_id, source=SOURCE)
        portico.trail.append(tx, changed)
