"""The three sentences of the popup page: title, while it waits, when nobody opened it."""

WAITING = {
    "en": (
        "Card sign-in",
        "Please go on in the window of the card bridge. This window closes by itself.",
        "This window is opened by a sign-in page. On its own it does nothing; you may close it.",
    ),
    "zh-TW": (
        "憑證卡登入",
        "請在憑證卡程式的視窗繼續操作，本視窗會自動關閉。",
        "本視窗由登入頁面開啟，單獨開啟沒有作用，可以直接關閉。",
    ),
    "zh-CN": (
        "证书卡登录",
        "请在证书卡程序的窗口继续操作，本窗口会自动关闭。",
        "本窗口由登录页面打开，单独打开没有作用，可以直接关闭。",
    ),
}
