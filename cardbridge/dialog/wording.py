"""The sentences of the dialogs, in the three languages of the pages.

They stand here and not in a catalogue: the bridge is a program of its own, and what its window
says must not depend on what somebody put beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Words:
    """One language."""

    title: str
    purpose: Mapping[str, str]
    """What the site asks for, by purpose; the site's origin follows on a line of its own."""
    card: str
    kinds: Mapping[str, str]
    check: str
    """The line with the control code."""
    warning: str
    pin: str
    confirm: str
    cancel: str
    last_try: str
    """A red line over the PIN."""
    last_try_question: str
    spend: str
    stop: str
    choose: str
    use: str
    next_card: str
    pad: str
    """Before a PIN is typed on the reader."""
    pad_now: str
    between: str
    """Between the holder and the kind of card."""


_EN = Words(
    title="Sign in with a card",
    purpose={
        "login": "This site asks you to sign in with your card:",
        "register": "This site asks to register an account with your card:",
        "add": "This site asks to add your card to your account:",
    },
    card="Card: {card}",
    kinds={
        "moica": "Citizen Digital Certificate",
        "moeaca": "business certificate",
        "gca": "government agency certificate",
        "xca": "organisation certificate",
    },
    check="Check number: {code}. The page shows the same one.",
    warning="If you did not start this, or the number differs, cancel.",
    pin="PIN:",
    confirm="Continue",
    cancel="Cancel",
    last_try="This is the last try. A wrong PIN locks the card.",
    last_try_question=(
        "The card allows one more try. If this PIN is wrong too, the card locks itself and"
        " its issuer has to unlock it."
    ),
    spend="Try once more",
    stop="Stop here",
    choose="Sign in with this card?",
    use="Use this card",
    next_card="Another card",
    pad="Go on, and then type the PIN on the card reader.",
    pad_now="Now type the PIN on the card reader.",
    between=", ",
)

_ZH_TW = Words(
    title="憑證卡登入",
    purpose={
        "login": "這個網站請您以憑證卡登入：",
        "register": "這個網站請您以憑證卡註冊帳號：",
        "add": "這個網站要把您的憑證卡加入帳號：",
    },
    card="憑證卡：{card}",
    kinds={
        "moica": "自然人憑證",
        "moeaca": "工商憑證",
        "gca": "政府機關憑證",
        "xca": "組織及團體憑證",
    },
    check="核對碼：{code}，應與網頁上顯示的相同。",
    warning="如果不是您自己開始的操作，或核對碼不同，請取消。",
    pin="PIN 碼：",
    confirm="確定",
    cancel="取消",
    last_try="這是最後一次機會，PIN 碼再輸入錯誤就會鎖卡。",
    last_try_question="憑證卡只剩一次機會。PIN 碼再輸入錯誤，卡片就會鎖住，須向發卡單位辦理解鎖。",
    spend="再試一次",
    stop="先停在這裡",
    choose="要使用這張憑證卡嗎？",
    use="使用這張卡",
    next_card="換另一張",
    pad="請按「確定」，再於讀卡機上輸入 PIN 碼。",
    pad_now="請在讀卡機上輸入 PIN 碼。",
    between="，",
)

_ZH_CN = Words(
    title="证书卡登录",
    purpose={
        "login": "此网站请您使用证书卡登录：",
        "register": "此网站请您使用证书卡注册账号：",
        "add": "此网站要把您的证书卡添加到账号：",
    },
    card="证书卡：{card}",
    kinds={
        "moica": "自然人证书",
        "moeaca": "工商证书",
        "gca": "政府机关证书",
        "xca": "组织及团体证书",
    },
    check="核对码：{code}，应与网页上显示的一致。",
    warning="如果不是您本人发起的操作，或核对码不一致，请取消。",
    pin="PIN 码：",
    confirm="确定",
    cancel="取消",
    last_try="这是最后一次机会，PIN 码再输错就会锁卡。",
    last_try_question="证书卡只剩一次机会。PIN 码再输错，卡片就会锁定，须到发卡机构解锁。",
    spend="再试一次",
    stop="先停在这里",
    choose="要使用这张证书卡吗？",
    use="使用这张卡",
    next_card="换一张",
    pad="请点“确定”，然后在读卡器上输入 PIN 码。",
    pad_now="请在读卡器上输入 PIN 码。",
    between="，",
)


def words(lang: str) -> Words:
    """Choose the language nearest to a language tag (RFC 5646); English for those we lack."""
    primary, _, rest = lang.lower().partition("-")
    if primary != "zh":
        return _EN
    parts = set(rest.split("-"))
    return _ZH_CN if parts & {"cn", "sg", "hans"} else _ZH_TW
