"""Examples of every token format: what its row must catch, and the near misses that it must not.

Tokens are built from parts, so that none stands in the repository; `mixed` is random-looking and always the same.
"""

from __future__ import annotations

import base64
import random
import string
import zlib

import pytest

from chalicelib.plaintext import contains_secret, formats, secret_in

LOWER, HEX, UPPER = string.ascii_lowercase + string.digits, "0123456789abcdef", string.ascii_uppercase + string.digits
WORD = string.ascii_letters + string.digits
BASE32, BASE62 = string.ascii_uppercase + "234567", string.digits + string.ascii_uppercase + string.ascii_lowercase


def mixed(size: int, alphabet: str = WORD) -> str:
    return "".join(random.Random(f"{size}{alphabet}").choices(alphabet, k=size))


def summed(prefix: str) -> str:
    """A token that ends as GitHub's and npm's do: thirty characters and their CRC-32 in base 62."""
    body, number, digits = mixed(30), zlib.crc32(mixed(30).encode()), ""
    while number:
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return prefix + body + digits.rjust(6, "0")


def pem(kind: str, body: str) -> str:
    return f"-----BEGIN {kind}-----\n{body}\n-----END {kind}-----"


def jwt(claims: str = '{"sub":"1234567890","name":"Ann Example"}') -> str:
    def part(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    return (
        f"{part('{' + chr(34) + 'alg' + chr(34) + ':' + chr(34) + 'HS256' + chr(34) + '}')}.{part(claims)}.{mixed(43)}"
    )


UUID = "-".join(mixed(n, HEX) for n in (8, 4, 4, 4, 12))

# kind: (what must be caught, near misses that must not)
EXAMPLES: dict[str, tuple[list[str], list[str]]] = {
    "private-key": (
        [
            pem("PRIVATE " + "KEY", mixed(64)),
            pem("RSA PRIVATE " + "KEY", mixed(64)),
            pem("OPENSSH PRIVATE " + "KEY", mixed(64)).replace("\n", "\\n"),
            pem("PGP PRIVATE " + "KEY BLOCK", mixed(64)),
        ],
        [
            pem("PUBLIC KEY", mixed(64)),
            pem("CERTIFICATE", mixed(64)),
            pem("PRIVATE " + "KEY", "anything"),
            "PRIVATE KEY",
        ],
    ),
    "age-secret-key": (
        ["AGE-SECRET-" + "KEY-1" + mixed(58, UPPER)],
        ["AGE-SECRET-" + "KEY-1" + "Q" * 58, "age1" + mixed(58, LOWER)],
    ),
    "aws-access-key-id": (
        ["AKI" + "A" + mixed(16, BASE32), "ASI" + "A" + mixed(16, BASE32)],
        [
            "AKI" + "A" + "X" * 16,
            "AKI" + "A" + mixed(15, BASE32),
            "AKI" + "A" + mixed(17, BASE32),
            "aki" + "a" + mixed(16, LOWER),
        ],
    ),
    "aws-bedrock-key": (
        ["ABS" + "K" + mixed(120), "bedrock-api-" + "key-YmVkcm9jay5hbWF6b25hd3MuY29t"],
        ["ABS" + "K" + mixed(40), "bedrock-api-" + "key-"],
    ),
    "github-token": (
        [summed(f"gh{letter}_") for letter in "pousr"] + ["github_" + "pat_" + mixed(22) + "_" + mixed(59)],
        ["gh" + "p_" + "x" * 36, "gh" + "p_" + mixed(35), "gh" + "x_" + mixed(36), "github_" + "pat_" + mixed(20)],
    ),
    "gitlab-token": (
        [f"gl{kind}-" + mixed(20) for kind in ("pat", "dt", "ft", "cbt")]
        + ["gloas" + "-" + mixed(64, LOWER), "GR1348" + "941" + mixed(20)],
        ["gl" + "pat-" + mixed(19), "gl" + "pat-" + "x" * 20, "glove-" + mixed(20), "GR1348" + "941" + "X" * 20],
    ),
    "gitlab-session": (["_gitlab_" + "session=" + mixed(32, LOWER)], ["_gitlab_" + "session=" + mixed(31, LOWER)]),
    "slack-token": (
        [
            "xox" + "b-" + mixed(12, string.digits) + "-" + mixed(24),
            "xox" + "e.xox" + "p-1-" + mixed(60),
            "xap" + "p-1-A0" + mixed(9, UPPER) + "-" + mixed(13, string.digits) + "-" + mixed(64, HEX),
        ],
        [
            "xox" + "b-your-bot-token-here",
            "xox" + "b-xxxxxxxxx-xxxxxxxxxx",
            "xoxo-kisses-and-hugs",
            "https://x.org/2018-250-xoxo-indieweb-1.jpg",
        ],
    ),
    "slack-webhook": (
        ["https://hooks.slack" + ".com/services/T" + mixed(10, UPPER) + "/B" + mixed(10, UPPER) + "/" + mixed(24)],
        [
            "https://hooks.slack" + ".com/services/",
            "https://hooks.slack" + ".com/services/T00000000/B00000000/" + "X" * 24,
            "https://slack.com/services",
        ],
    ),
    "teams-webhook": (
        ["https://shop.webhook.office" + f".com/webhookb2/{UUID}@{UUID}/IncomingWebhook/{mixed(32, HEX)}/{UUID}"],
        ["https://shop.webhook.office" + ".com/webhookb2/", "https://shop.office.com/webhookb2/" + mixed(80)],
    ),
    "discord-webhook": (
        ["https://discord" + ".com/api/webhooks/" + mixed(18, string.digits) + "/" + mixed(68)],
        [
            "https://discord" + ".com/api/webhooks/123",
            "https://example.com/api/webhooks/" + mixed(18, string.digits) + "/" + mixed(68),
        ],
    ),
    "telegram-bot-token": (
        [mixed(9, string.digits) + ":A" + "A" + mixed(33)],
        [mixed(9, string.digits) + ":AB" + mixed(33)],
    ),
    "stripe-key": (
        ["sk" + "_live_" + mixed(24), "rk" + "_test_" + mixed(24), "sk" + "_test_" + mixed(99)],
        [
            "pk" + "_live_" + mixed(24),
            "sk" + "_live_" + "x" * 24,
            "task" + "_test_" + mixed(24),
            "sk" + "_live_" + mixed(9),
        ],
    ),
    "stripe-webhook-secret": (["whs" + "ec_" + mixed(32)], ["whs" + "ec_" + mixed(12)]),
    "npm-token": ([summed("npm" + "_")], ["npm" + "_" + mixed(35), "npm_config_registry"]),
    "pypi-token": (["pypi-" + "AgEIcHlwaS5vcmc" + mixed(80)], ["pypi-" + mixed(80), "pypi-" + "AgEIcHlwaS5vcmc"]),
    "rubygems-token": (["rubygems" + "_" + mixed(48, HEX)], ["rubygems" + "_" + mixed(47, HEX), "rubygems_org"]),
    "sendgrid-key": (["SG" + "." + mixed(22) + "." + mixed(43)], ["SG" + "." + mixed(22), "SG.x"]),
    "twilio-key": (["S" + "K" + mixed(32, HEX)], ["A" + "C" + mixed(32, HEX), "S" + "K" + mixed(31, HEX)]),
    "google-api-key": (["AIz" + "a" + mixed(35)], ["AIz" + "aXXXX", "AIz" + "a" + mixed(36), "AIz" + "a" + mixed(34)]),
    "google-oauth-secret": (["GOC" + "SPX-" + mixed(28)], ["GOC" + "SPX-" + mixed(20)]),
    "google-oauth-token": (["ya" + "29." + mixed(60)], ["ya" + "29." + mixed(5)]),
    "anthropic-key": (["sk-ant-" + "api03-" + mixed(95)], ["sk-ant-" + "api03-" + mixed(40)]),
    "openai-key": (
        ["sk-" + mixed(20) + "T3Blb" + "kFJ" + mixed(20), "sk-proj-" + mixed(58) + "T3Blb" + "kFJ" + mixed(58)],
        ["sk-" + mixed(10) + "T3Blb" + "kFJ", "sk-something"],
    ),
    "huggingface-token": (
        ["hf" + "_" + mixed(34, string.ascii_letters), "api" + "_org_" + mixed(34, string.ascii_letters)],
        ["hf" + "_requiredCharacteristicTypesForDisplayMetadata", "api" + "_org_controller"],
    ),
    "groq-key": (["gs" + "k_" + mixed(52)], ["gs" + "k_" + mixed(30)]),
    "perplexity-key": (["ppl" + "x-" + mixed(48)], ["ppl" + "x-" + "x" * 48]),
    "databricks-token": (
        ["dap" + "i" + mixed(32, HEX), "dap" + "i" + mixed(32, HEX) + "-2"],
        ["dap" + "i" + mixed(31, HEX), "dapi_path"],
    ),
    "digitalocean-token": (
        ["do" + "p_v1_" + mixed(64, HEX), "do" + "r_v1_" + mixed(64, HEX)],
        ["do" + "p_v1_" + mixed(63, HEX)],
    ),
    "docker-token": (["dck" + "r_pat_" + mixed(27)], ["dck" + "r_pat_" + mixed(9)]),
    "doppler-token": (
        ["dp" + ".pt." + mixed(43), "dp" + ".st.prod." + mixed(43)],
        ["dp" + ".pt." + mixed(20), "dp.xx." + mixed(43)],
    ),
    "dynatrace-token": (
        ["dt0" + "c01." + mixed(24, BASE32) + "." + mixed(64, BASE32)],
        ["dt0" + "c01." + mixed(24, BASE32)],
    ),
    "easypost-key": (
        ["EZ" + "AK" + mixed(54), "EZ" + "TK" + mixed(54)],
        ["EZ" + "AK" + mixed(53), "x+EZ" + "AK" + mixed(60)],
    ),
    "facebook-token": (
        ["EA" + "AM" + mixed(150), mixed(15, string.digits) + "|" + mixed(27)],
        ["EA" + "AM" + mixed(50), mixed(15, string.digits) + "|x"],
    ),
    "flutterwave-key": (["FLW" + "SECK_TEST-" + mixed(32, HEX) + "-X"], ["FLW" + "SECK_TEST-" + mixed(8, HEX)]),
    "fly-token": (
        ["fo" + "1_" + mixed(43), "fm" + "2_" + mixed(200)],
        ["fo" + "1_" + "x" * 43, "fm" + "2_" + mixed(20)],
    ),
    "frameio-token": (["fio" + "-u-" + mixed(64)], ["fio" + "-u-" + mixed(20)]),
    "grafana-key": (
        ["gl" + "c_" + mixed(60), "gl" + "sa_" + mixed(32) + "_" + mixed(8, HEX), "eyJr" + "Ijoi" + mixed(80)],
        ["gl" + "c_" + "1" * 42, "gl" + "sa_" + "X" * 32 + "_AAAAAAAA", "eyJr" + "Ijoi" + mixed(9)],
    ),
    "harness-key": (["pa" + "t." + mixed(22) + "." + mixed(24, HEX) + "." + mixed(20)], ["pa" + "t." + mixed(22)]),
    "terraform-token": ([mixed(14) + ".atlas" + "v1." + mixed(64)], ["x" * 14 + ".atlas" + "v1." + "x" * 64]),
    "vault-token": (
        ["hv" + "s." + mixed(95), "s" + "." + mixed(24)],
        ["hv" + "s." + mixed(20), "s" + ".DefaultListableBeanFactor", "o.s.b.f.s.DefaultListableBeanFactory"],
    ),
    "heroku-key": (["HRK" + "U-" + mixed(60)], ["HRK" + "U-" + mixed(30)]),
    "infracost-key": (["ic" + "o-" + mixed(32)], ["ic" + "o-" + "X" * 32, "video_box.ic" + "o-" + mixed(60, HEX)]),
    "42-secret": (["s-s4t2" + "ud-" + mixed(64, HEX)], ["s-s4t2" + "ud-" + mixed(60, HEX)]),
    "jfrog-key": (["AKC" + "p" + mixed(69)], ["AKC" + "p" + "X" * 69, "AkC" + "p" + mixed(69)]),
    "jfrog-token": (["cmV" + "md" + mixed(59)], ["cmV" + "md" + "X" * 59, "cmV" + "Md" + mixed(59, LOWER)]),
    "linear-key": (["lin" + "_api_" + mixed(40)], ["lin" + "_api_" + mixed(20)]),
    "mailchimp-key": ([mixed(32, HEX) + "-us" + "20"], [mixed(31, HEX) + "-us" + "20", "orders-us2"]),
    "mailgun-key": (["ke" + "y-" + mixed(32, HEX)], ["pubke" + "y-" + mixed(32, HEX), "ke" + "y-" + mixed(31, HEX)]),
    "maxmind-key": ([mixed(6) + "_" + mixed(29) + "_m" + "mk"], [mixed(6) + "_" + mixed(28) + "_m" + "mk"]),
    "new-relic-key": (
        ["NRA" + "K-" + mixed(27, UPPER), "NRI" + "I-" + mixed(32)],
        ["NRA" + "K-" + mixed(9, UPPER), "NRG0-Hermes-INTERNAL-API"],
    ),
    "notion-token": (["nt" + "n_" + mixed(11, string.digits) + mixed(35)], ["nt" + "n_12345678901"]),
    "octopus-key": (
        ["AP" + "I-" + mixed(26, UPPER)],
        ["AP" + "I-" + mixed(12, UPPER), "GSSAPI-VIRHEKAPSELOINTIMERKKIJONO"],
    ),
    "okta-token": (["0" + "0" + mixed(40)], ["0" + "0" + mixed(40, HEX), "0" + "0" + mixed(40, string.digits)]),
    "openshift-token": (
        ["sha" + "256~" + mixed(43)],
        ["sha256:" + mixed(64, HEX), "sha" + "256~XXXXXXXXXX_PUT_YOUR_TOKEN_HERE_XXXXXXXX"],
    ),
    "planetscale-token": (
        ["psc" + "ale_pw_" + mixed(32), "psc" + "ale_tkn_" + mixed(40)],
        ["psc" + "ale_db_" + mixed(32)],
    ),
    "postman-key": (["PM" + "AK-" + mixed(24, HEX) + "-" + mixed(34, HEX)], ["PM" + "AK-" + mixed(24, HEX)]),
    "prefect-key": (["pn" + "u_" + mixed(36, LOWER)], ["pn" + "u_" + "X" * 36]),
    "pulumi-token": (
        ["pu" + "l-" + mixed(40, HEX)],
        ["./assets/vipu" + "l-" + mixed(40, HEX), "pu" + "l-" + mixed(39, HEX)],
    ),
    "readme-key": (["rd" + "me_" + mixed(70, LOWER)], ["rd" + "me_" + "X" * 70]),
    "scalingo-token": (["tk" + "-us-" + mixed(48)], ["tk" + "-us-" + mixed(20)]),
    "brevo-key": (["xkey" + "sib-" + mixed(64, HEX) + "-" + mixed(16)], ["xkey" + "sib-" + mixed(64, HEX)]),
    "sentry-token": (
        ["sntry" + "s_eyJ" + mixed(120) + "_" + mixed(43), "sntry" + "u_" + mixed(64, HEX)],
        ["sntry" + "u_" + mixed(63, HEX)],
    ),
    "settlemint-token": (["sm" + "_pat_" + mixed(16)], ["sm" + "_pat_" + mixed(10)]),
    "shippo-token": (["ship" + "po_live_" + mixed(40, HEX)], ["ship" + "po_live_" + mixed(39, HEX)]),
    "shopify-token": (
        [f"shp{kind}_" + mixed(32, HEX) for kind in ("at", "ca", "pa", "ss")],
        ["shp" + "at_" + mixed(31, HEX)],
    ),
    "sourcegraph-token": (
        ["sg" + "p_" + mixed(40, HEX), "sg" + "p_" + mixed(16, HEX) + "_" + mixed(40, HEX)],
        ["sg" + "p_" + mixed(39, HEX)],
    ),
    "square-token": (
        ["sq" + "0csp-" + mixed(43), "EAA" + "A" + mixed(60)],
        ["sq" + "0csp-" + mixed(9), "cli@sha256:eaaa" + mixed(60, HEX)],
    ),
    "supabase-key": (["sb" + "p_" + mixed(40, HEX)], ["sb" + "_publishable_" + mixed(31)]),
    "typeform-token": (["tf" + "p_" + mixed(59)], ["tf" + "p_" + mixed(30)]),
    "yandex-key": (["AQ" + "VN" + mixed(36), "Y" + "C" + mixed(38)], ["AQ" + "VN" + mixed(20), "Y" + "C" + mixed(30)]),
    "yandex-token": (["t1" + "." + mixed(8) + "." + mixed(86)], ["t1" + "." + mixed(8)]),
    "1password-token": (["op" + "s_eyJ" + mixed(300)], ["op" + "s_eyJ" + mixed(40)]),
    "1password-key": (
        [
            "A"
            + "3-"
            + mixed(6, UPPER)
            + "-"
            + mixed(11, UPPER)
            + "-"
            + mixed(5, UPPER)
            + "-"
            + mixed(5, LOWER.upper())
            + "-"
            + mixed(5, UPPER)
        ],
        ["A" + "3-XXXXXX-XXXXXXXXXXX-XXXXX-XXXXX-XXXXX"],
    ),
    "adobe-secret": (["p8" + "e-" + mixed(32, HEX)], ["p8" + "e-" + mixed(30, HEX)]),
    "airtable-token": (
        ["pa" + "t" + mixed(14) + "." + mixed(64, HEX)],
        ["pa" + "t" + mixed(14) + "." + mixed(60, HEX)],
    ),
    "alibaba-key-id": (["LT" + "AI" + mixed(20)], ["LT" + "AI" + mixed(9)]),
    "atlassian-token": (["ATA" + "TT3" + mixed(186)], ["ATA" + "TT3" + mixed(100)]),
    "authress-key": (
        ["sc" + "_" + mixed(10) + "." + mixed(4) + ".acc_" + mixed(10) + "." + mixed(44)],
        ["sc" + "_" + mixed(10) + ".x"],
    ),
    "azure-secret": (
        [mixed(3) + "8Q" + "~" + mixed(34), f"<value>{mixed(3)}8Q" + "~" + mixed(34) + "</value>"],
        ["~" * 40, mixed(3) + "8Q" + "~" + mixed(20)],
    ),
    "azure-storage-key": (["Account" + "Key=" + mixed(86) + "=="], ["Account" + "Key=" + mixed(40) + "=="]),
    "azure-shared-key": (["Shared" + "AccessKey=" + mixed(43) + "="], ["Shared" + "AccessKey=" + mixed(20) + "="]),
    "clickhouse-key": (["4b" + "1d" + mixed(38)], ["4b" + "1d" + "X" * 38, "adf4b" + "1d" + mixed(38)]),
    "clojars-token": (["CLO" + "JARS_" + mixed(60)], ["CLO" + "JARS_URL"]),
    "cloudflare-origin-key": (["v1" + ".0-" + mixed(24, HEX) + "-" + mixed(146, HEX)], ["v1" + ".0-" + mixed(24, HEX)]),
    "defined-token": (["dn" + "key-" + mixed(26) + "-" + mixed(52)], ["dn" + "key-" + mixed(26)]),
    "duffel-token": (["duf" + "fel_live_" + mixed(43)], ["duf" + "fel_live_" + mixed(20)]),
    "figma-token": (["fi" + "gd_" + mixed(43)], ["fi" + "gd_" + mixed(10)]),
    "gocardless-token": (["li" + "ve_" + mixed(40)], ["live_" + "table_of_orders_in_the_eu_west_1_region"]),
    "lob-key": (["te" + "st_" + mixed(35, HEX), "li" + "ve_" + mixed(35, HEX)], ["te" + "st_" + mixed(34, HEX)]),
    "plaid-token": (["access" + "-production-" + UUID], ["access" + "-testing-" + UUID]),
    "jwt": (
        [jwt(), base64.b64encode(jwt().encode()).decode()],
        [jwt().split(".")[0], "ey.ey.ey", "eyes.eyebrow.eyelash"],
    ),
}

GOOD = [(kind, token) for kind, (good, _) in EXAMPLES.items() for token in good]


def test_every_row_of_the_table_has_examples_of_both() -> None:
    assert {row.kind for row in formats.FORMATS} == set(EXAMPLES)
    caught = {token: formats.find(token) for _, token in GOOD}
    for row in formats.FORMATS:
        compiled = formats._compiled(row.prefix, row.body)
        assert any(row.mark in t and compiled.search(t) for t in caught), f"no example of {row}"
        assert EXAMPLES[row.kind][1], f"no near miss of {row.kind}"


@pytest.mark.parametrize(("kind", "token"), GOOD)
def test_a_token_is_found_alone_and_in_text(kind: str, token: str) -> None:
    for text in (token, f"{token}\n", f'the value is "{token}".', f"<b>{token}</b>", f"x={token}"):
        found = contains_secret(text)
        assert found is not None, text
        assert found.kind == kind
    named = secret_in("SETTING", token)
    assert named is not None
    assert named.kind == kind
    assert named.reason
    _gives_nothing_away(named.masked, token)


@pytest.mark.parametrize("text", [text for _, (_, bad) in EXAMPLES.items() for text in bad])
def test_near_misses_are_left_alone(text: str) -> None:
    assert contains_secret(text) is None
    found = secret_in("SETTING", text)
    assert found is None or found.kind in ("secret", "password")


def test_a_checksum_makes_a_token_certain() -> None:
    token = summed("gh" + "p_")
    other = token[:-1] + ("a" if token[-1] != "a" else "b")
    sure, unsure = contains_secret(token), contains_secret(other)
    assert sure is not None
    assert unsure is not None
    assert (sure.confidence, unsure.confidence) == ("certain", "likely")


def test_the_public_prefix_is_all_that_is_shown() -> None:
    found = contains_secret(summed("gh" + "p_"))
    assert found is not None
    assert found.masked == "ghp_…"


def _gives_nothing_away(masked: str, token: str) -> None:
    assert masked.endswith("…")
    shown = masked.removesuffix("…")
    assert shown in token
    assert len(token) - len(shown) >= 16
