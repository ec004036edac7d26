"""Messages, mail, documents, social networks."""

from __future__ import annotations

from .row import UUID, Format, has_digits, well_mixed

FORMATS: tuple[Format, ...] = (
    Format(
        "slack-token",
        "xox",
        r"xox[abdeoprs](?:\.xox[bp])?-",
        "[A-Za-z0-9-]{10,400}",
        "xoxb-<d12>-<w24> xoxe.xoxp-1-<w60>",
        "xoxb-your-bot-token-here xoxb-xxxxxxxxx-xxxxxxxxxx xoxo-kisses-and-hugs "
        "https://x.org/2018-250-xoxo-indieweb-1.jpg",
        check=has_digits,
    ),
    Format(
        "slack-token", "xapp-", "xapp-", r"\d-[A-Z0-9]{5,20}-\d{5,20}-[a-z0-9]{20,128}", "xapp-1-A0<u9>-<d13>-<h64>", ""
    ),
    Format("telegram-bot-token", ":AA", "", r"\d{8,10}:AA[A-Za-z0-9_-]{32,34}", "<d9>:AA<w33>", "<d9>:AB<w33>"),
    Format("sendgrid-key", "SG.", r"SG\.", "[A-Za-z0-9_=.-]{66}", "SG.<w22>.<w43>", "SG.<w22> SG.x"),
    Format("twilio-key", "SK", "SK", "[0-9a-f]{32}", "SK<h32>", "AC<h32> SK<h31>", "likely"),
    Format("facebook-token", "EAA", "EAA[MC]", "[A-Za-z0-9]{100,500}", "EAAM<w150>", "EAAM<w50> <d15>|x"),
    Format("facebook-token", "|", "", r"\d{15,16}(?:\||%7C)[A-Za-z0-9_-]{27,40}", "<d15>|<w27>", ""),
    Format("frameio-token", "fio-u-", "fio-u-", "[A-Za-z0-9_=-]{64}", "fio-u-<w64>", "fio-u-<w20>"),
    Format("linear-key", "lin_api_", "lin_api_", "[A-Za-z0-9]{40}", "lin_api_<w40>", "lin_api_<w20>"),
    Format("mailchimp-key", "-us", "", r"[0-9a-f]{32}-us\d{1,2}", "<h32>-us20", "<h31>-us20 orders-us2"),
    Format("mailgun-key", "key-", "key-", "[0-9a-f]{32}", "key-<h32>", "pubkey-<h32> key-<h31>"),
    Format("notion-token", "ntn_", "ntn_", r"\d{11}[A-Za-z0-9]{35}", "ntn_<d11><w35>", "ntn_12345678901"),
    Format("brevo-key", "xkeysib-", "xkeysib-", "[0-9a-f]{64}-[A-Za-z0-9]{16}", "xkeysib-<h64>-<w16>", "xkeysib-<h64>"),
    Format("typeform-token", "tfp_", "tfp_", "[A-Za-z0-9_=.-]{59}", "tfp_<w59>", "tfp_<w30>"),
    Format("adobe-secret", "p8e-", "p8e-", "[0-9a-f]{32}", "p8e-<h32>", "p8e-<h30>"),
    Format("figma-token", "figd_", "figd_", "[A-Za-z0-9_-]{40,50}", "figd_<w43>", "figd_<w10>"),
    Format(
        "discord-bot-token",
        ".",
        "",
        r"[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}",
        "M<w23>.<w6><>.<w38>",
        "M<w23>.<w6>.<w10> NavigationController.module.exports",
        "likely",
        check=well_mixed,
    ),
    Format("trello-token", "ATTA", "ATTA", "[0-9a-f]{64}[A-F0-9]{8}", "AT<>TA<h64><H8>", "ATTA<h20>"),
    Format("asana-token", ":", "", r"[12]/\d{14,18}(?:/\d{14,18})?:[0-9a-f]{32}", "1/<d16><>:<h32>", "1/<d16>:<h20>"),
    Format("clickup-token", "pk_", r"pk_\d{1,9}_", "[A-Z0-9]{32}", "p<>k_<d8>_<u32>", "pk_<d8>_<u20>"),
    Format("linear-key", "lin_oauth_", "lin_oauth_", "[0-9a-f]{64}", "lin<>_oauth_<h64>", "lin_oauth_<h20>"),
    Format(
        "notion-token",
        "secret_",
        "secret_",
        r"(?=[A-Za-z]{0,42}\d)(?=[a-z0-9]{0,42}[A-Z])[A-Za-z0-9]{43}",
        "secr<>et_<w43>",
        "secret_<a43> secret_<w30>",
    ),
    Format("intercom-token", "dG9rO", "dG9rO", "[A-Za-z0-9+/]{53,56}={0,2}", "dG9<>rO<w54>=", "dG9rO<w20>", "likely"),
    Format("hubspot-token", "pat-", r"pat-(?:na|eu|ap)\d-", UUID, "pa<>t-na1-<uuid>", "pat-na1-<h20>"),
    Format(
        "salesforce-token", "!", "00D", "[A-Za-z0-9]{12,15}![A-Za-z0-9_.]{80,130}", "00<>D<w12>!<w96>", "00D<w12>!<w20>"
    ),
    Format(
        "resend-key",
        "re_",
        "re_",
        r"(?=[A-Za-z]{0,7}\d|[A-Za-z0-9]{8}_[A-Za-z]{0,23}\d)[A-Za-z0-9]{8}_[A-Za-z0-9]{24}",
        "r<>e_<w8>_<w24>",
        "re_<w8>_<w10>",
    ),
    Format("mailersend-token", "mlsn.", r"mlsn\.", "[0-9a-f]{64}", "ml<>sn.<h64>", "mlsn.<h20>"),
    Format(
        "mailchimp-transactional-key",
        "md-",
        "md-",
        r"(?=[A-Za-z_-]{0,21}\d)(?=[a-z0-9_-]{0,21}[A-Z])[A-Za-z0-9_-]{22}",
        "m<>d-<w22>",
        "md-<l22>",
        "likely",
    ),
    Format(
        "mailgun-key", "-", "", "[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8}", "<h32>-<h8><>-<h8>", "<h31>-<h8>-<h8>", "likely"
    ),
    Format(
        "brevo-key",
        "xsmtpsib-",
        "xsmtpsib-",
        "[0-9a-f]{64}-[A-Za-z0-9]{16}",
        "xsmtp<>sib-<h64>-<w16>",
        "xsmtpsib-<h64>",
    ),
    Format("klaviyo-key", "pk_", "pk_", "[0-9a-f]{34}", "p<>k_<h34>", "pk_<h30>"),
    Format("telnyx-key", "KEY", "KEY", "[0-9A-F]{32}_[A-Za-z0-9]{22}", "KE<>Y<H32>_<w22>", "KEY<H32>"),
    Format("pubnub-key", "sec-c-", "sec-c-", "[A-Za-z0-9+/=-]{40,60}", "se<>c-c-<w48>", "sub-c-<uuid>"),
    Format(
        "ably-key",
        ":",
        "",
        r"[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{6}:[A-Za-z0-9_-]{43}",
        "<w6>.<w6><>:<w43>",
        "<w6>.<w6>:<w20>",
        "likely",
    ),
    Format("twitter-bearer-token", "AAAAAAAAAAAAAAAAAAAA", "A{20,22}", "[A-Za-z0-9%]{60,120}", "<A*22><w80>", "<A*90>"),
    Format("facebook-token", "EAA", "EAA[A-Z]", "[A-Za-z0-9]{100,500}", "EA<>AG<w150>", "EAAG<w40>"),
    Format(
        "linkedin-secret", "WPL_AP1.", r"WPL_AP1\.", "[A-Za-z0-9.+/=]{16,80}", "WPL_<>AP1.<w16>.<w6>==", "WPL_AP1.<w6>"
    ),
    Format("dropbox-token", "sl.", r"sl\.(?:u\.)?", "[A-Za-z0-9_=-]{130,1500}", "s<>l.<w140>", "sl.<w40>"),
    Format(
        "dropbox-token",
        "AAAAAAAAAA",
        "",
        "[A-Za-z0-9]{11}AAAAAAAAAA[A-Za-z0-9_=-]{43}",
        "<w11><A*10><w43>",
        "<w11><A*10><w20>",
    ),
    Format("cal-key", "cal_", "cal_(?:live_)?", "[0-9a-f]{32}", "ca<>l_live_<h32>", "cal_live_<h20>"),
    Format(
        "stytch-secret",
        "secret-",
        "secret-(?:test|live)-",
        "[A-Za-z0-9_=-]{36}",
        "secr<>et-live-<w36>",
        "secret-live-<w20>",
    ),
    Format(
        "ory-token",
        "ory_",
        "ory_(?:pat|at|rt|st|wat|ac)_",
        "[A-Za-z0-9_.-]{30,120}",
        "or<>y_pat_<w32>",
        "ory_pat_<w10>",
    ),
    Format("ghost-admin-key", ":", "", "[0-9a-f]{24}:[0-9a-f]{64}", "<h24><>:<h64>", "<h24>:<h60>", "likely"),
    Format("sanity-token", "sk", "sk", r"(?=[A-Za-z]{0,60}\d)[A-Za-z0-9]{150,200}", "s<>k<w178>", "sk<w100>"),
)
