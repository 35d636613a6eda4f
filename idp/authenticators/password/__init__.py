"""Account name and password, with a captcha before them."""
