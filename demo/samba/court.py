"""The court of the demo: a few judges, one who may no longer come in, and the accounts we need."""

from typing import Any

from demo.samba.plans import Group, Plan, Someone

PASSWORD = "Judge-Passw0rd!"
SERVICE_PASSWORD = "Svc-Portico-Passw0rd!"
_TAIPEI, _HIGH = "臺灣臺北地方法院", "臺灣高等法院"
_COURTS = {
    "TPD": {"zh-Hant": _TAIPEI, "zh-Hans": "台湾台北地方法院", "en": "Taipei District Court"},
    "TPH": {"zh-Hant": _HIGH, "zh-Hans": "台湾高等法院", "en": "Taiwan High Court"},
}
_SERVICES = ("Services",)
_BASE = "DC=court,DC=test"


def _judge(account: str, name: str, court: str, department: str, **more: Any) -> Someone:
    attributes = {"title": "法官", "company": court, "department": department}
    attributes["mail"] = f"{account}@judicial.test"
    given = {"state": "lasting"} | more
    return Someone(account, name, ("法院", court), PASSWORD, attributes=attributes, **given)


JUDGES = (
    _judge("wang.dm", "王大明", _TAIPEI, "刑事第一庭"),
    _judge("lee.ys", "李雅淑", _HIGH, "民事第二庭", principal="lee.ys@judicial.test"),
    _judge("chen.yz", "陳永正", _TAIPEI, "院長室"),
    _judge("hsieh.jf", "謝俊夫", _TAIPEI, "民事第一庭", lockable=True),
    _judge("wu.zx", "吳志賢", _TAIPEI, "民事第一庭", state="expired"),
    _judge("tsai.ml", "蔡美玲", _HIGH, "民事第二庭", state="must_change"),
    _judge("ting.yf", "丁已調", _TAIPEI, "民事第一庭", state="disabled"),
)
PLAN = Plan(
    units=(("法院",), ("法院", _TAIPEI), ("法院", _HIGH), _SERVICES),
    people=(
        *JUDGES,
        Someone("svc-portico", "svc-portico", _SERVICES, SERVICE_PASSWORD, state="lasting"),
        Someone(
            "svc-http",
            "svc-http",
            _SERVICES,
            "Svc-Http-Passw0rd!-long-and-random",
            state="lasting",
            services=("HTTP/localhost",),
        ),
    ),
    groups=(
        Group("法官", ("法院",), tuple(one.account for one in JUDGES)),
        Group("院長", ("法院",), ("chen.yz",)),
    ),
    upn_suffixes=("judicial.test",),
)
LOCKED = tuple(one for one in JUDGES if one.lockable)
"""Whoever starts the domain locks them, by wrong passwords: that is no state to be written."""
SECTION = {
    "id": "court",
    "names": {"zh-Hant": "司法院網域", "zh-Hans": "司法院域", "en": "Judicial domain"},
    "bind_dn": f"CN=svc-portico,OU=Services,{_BASE}",
    "bind_password": SERVICE_PASSWORD,
    "base": _BASE,
    "domain": "COURT",
    "upn_suffixes": ["court.test", "judicial.test"],
    "people_group": f"CN=法官,OU=法院,{_BASE}",
    "roles": {f"CN=院長,OU=法院,{_BASE}": "president"},
    "role_names": {"president": {"zh-Hant": "院長", "zh-Hans": "院长", "en": "President"}},
    "courts": _COURTS,
}
"""Its configuration; where it listens and what is trusted for it is added by whoever starts it."""
