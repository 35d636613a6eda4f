"""The whole file as one record."""

from idp.config.clients import ClientSection
from idp.config.directories import DirectorySection
from idp.config.people import (
    AccountsSection,
    CaptchaSection,
    CardsSection,
    IcsSection,
    PasswordSection,
    RegistrationSection,
    ThrottleSection,
)
from idp.config.running import (
    AuditSection,
    DatabaseSection,
    FetchSection,
    KeysSection,
    LoggingSection,
    MtlsSection,
    OutboxSection,
    ProviderSection,
    ServerSection,
    SessionsSection,
    SmtpSection,
    TokensSection,
    WorkerSection,
)
from idp.config.values import Section


class Config(Section, frozen=True):
    """The whole file."""

    provider: ProviderSection = ProviderSection()
    server: ServerSection = ServerSection()
    database: DatabaseSection = DatabaseSection()
    keys: KeysSection = KeysSection()
    sessions: SessionsSection = SessionsSection()
    tokens: TokensSection = TokensSection()
    password: PasswordSection = PasswordSection()
    captcha: CaptchaSection = CaptchaSection()
    throttle: ThrottleSection = ThrottleSection()
    smtp: SmtpSection = SmtpSection()
    outbox: OutboxSection = OutboxSection()
    fetch: FetchSection = FetchSection()
    mtls: MtlsSection = MtlsSection()
    audit: AuditSection = AuditSection()
    accounts: AccountsSection = AccountsSection()
    registration: RegistrationSection = RegistrationSection()
    cards: CardsSection = CardsSection()
    ics: IcsSection = IcsSection()
    directories: list[DirectorySection] = []
    logging: LoggingSection = LoggingSection()
    worker: WorkerSection = WorkerSection()
    clients: list[ClientSection] = []
