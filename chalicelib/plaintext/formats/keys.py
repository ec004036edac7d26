"""Keys and tokens of no vendor: private keys in every dress, JSON Web Tokens."""

from __future__ import annotations

from .row import Format, a_jwt

FORMATS: tuple[Format, ...] = (
    Format(
        "private-key",
        "PRIVATE KEY",
        "-----BEGIN (?:[A-Z]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----",
        r"(?:\s|\\[nr]){0,8}(?:[A-Za-z-]{3,20}: [^\n\\]{1,80}(?:\s|\\[nr]){1,4}){0,4}[A-Za-z0-9+/=]"
        r"(?:[A-Za-z0-9+/= \r\n]|\\[nr]){39,65536}",
        "-----BEGIN<sp>PRIV<>ATE<sp>KEY-----<nl><w64> -----BEGIN<sp>RSA<sp>PRIV<>ATE<sp>KEY-----<nl><w64> "
        r"-----BEGIN<sp>OPENSSH<sp>PRIV<>ATE<sp>KEY-----\n<w64>\n-----END<sp>OPENSSH<sp>PRIV<>ATE<sp>KEY----- "
        "-----BEGIN<sp>PGP<sp>PRIV<>ATE<sp>KEY<sp>BLOCK-----<nl><w64>",
        "-----BEGIN<sp>PUBLIC<sp>KEY-----<nl><w64> -----BEGIN<sp>CERTIFICATE-----<nl><w64> "
        "-----BEGIN<sp>PRIV<>ATE<sp>KEY-----<nl>anything PRIV<>ATE<sp>KEY",
    ),
    Format(
        "age-secret-key",
        "AGE-SECRET-KEY-1",
        "AGE-SECRET-KEY-1",
        "[0-9A-Z]{58}",
        "AGE-SECRET-KEY-1<u58>",
        "AGE-SECRET-KEY-1<Q*58> age1<l58>",
    ),
    Format(
        "private-key",
        "ANBgkqhkiG9w0BAQEFAASC",
        "MI[IG][A-Za-z0-9+/]{2,6}",
        r"BADANBgkqhkiG9w0BAQEFAASC[A-Za-z0-9+/=\\rn\s]{40,65536}",
        "MIIEvQI<>BADANBgkqhkiG9w0BAQEFAASC<w80>",
        "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A<w80>",
    ),
    Format(
        "private-key",
        "IBAAKC",
        "MI[IG][A-Za-z0-9+/]{2,4}",
        r"IBAAKC[A-Za-z0-9+/=\\rn\s]{40,65536}",
        "MIIEpA<>IBAAKC<w80>",
        "MIIBCgKCAQEA<w80>",
    ),
    Format(
        "private-key",
        "gEAM",
        "M[A-Za-z0-9+/]{2,6}",
        r"gEAM(?:BMGByqGSM49AgEG|BAGByqGSM49AgEG)[A-Za-z0-9+/=\\rn\s]{40,65536}",
        "MIGHA<>gEAMBMGByqGSM49AgEG<w80>",
        "MFkwEwYHKoZIzj0CAQYI<w80>",
    ),
    Format(
        "private-key",
        "MC4CAQAwBQYDK2VwBCIEI",
        "MC4CAQAwBQYDK2VwBCIEI",
        "[A-Za-z0-9+/]{43}=?",
        "MC4CAQAw<>BQYDK2VwBCIEI<w43>",
        "MCowBQYDK2VwAyEA<w43>",
    ),
    Format(
        "putty-key",
        "PuTTY-User-Key-File-",
        r"PuTTY-User-Key-File-\d",
        ": (?:ssh|ecdsa)-[a-z0-9-]{3,40}",
        "PuTTY-User-<>Key-File-3:<sp>ssh-ed25519",
        "PuTTY-User-Key-File-3",
    ),
    Format(
        "bip32-private-key",
        "prv",
        "[xyzt]prv",
        "[A-Za-z0-9]{107,108}",
        "xp<>rv9s<w105>",
        "xprv<w20> xpub<w107>",
    ),
    Format(
        "secret-token-uri",
        "secret-token:",
        "secret-token:",
        "[A-Za-z0-9_.%~+/=-]{16,400}",
        "secret-<>token:<w40>",
        "secret-token:<w5>",
    ),
    Format(
        "jwt",
        "ey",
        "ey[A-Za-z0-9_-]{1,4}",
        r"[A-Za-z0-9_-]{6,4096}\.ey[A-Za-z0-9_/\\-]{6,65536}\.(?:[A-Za-z0-9_/\\=-]{8,65536})?",
        "<jwt>",
        "<jwthead> ey.ey.ey eyes.eyebrow.eyelash",
        "likely",
        check=a_jwt,
    ),
    Format(
        "jwt",
        "ZXlK",
        "ZXlK",
        "(?=[A-Za-z0-9+/]{0,200}(?:LmV5|5leU|uZXlK))[A-Za-z0-9+/]{60,8192}={0,2}",
        "<jwt64>",
        "",
        "likely",
    ),
)
