"""Databases, analytics, monitoring."""

from __future__ import annotations

from .row import Format

FORMATS: tuple[Format, ...] = (
    Format("databricks-token", "dapi", "dapi", r"[0-9a-f]{32}(?:-\d)?", "dapi<h32> dapi<h32>-2", "dapi<h31> dapi_path"),
    Format(
        "dynatrace-token",
        "dt0",
        r"dt0[a-z]\d\d\.",
        r"[A-Za-z0-9]{24}\.[A-Za-z0-9]{64}",
        "dt0c01.<b24>.<b64>",
        "dt0c01.<b24>",
    ),
    Format(
        "grafana-key",
        "gl",
        "gl(?:c|sa)_",
        "[A-Za-z0-9+/_]{32,400}={0,3}",
        "glc_<w60> glsa_<w32>_<h8>",
        "glc_<1*42> glsa_<X*32>_AAAAAAAA eyJrIjoi<w9>",
    ),
    Format("grafana-key", "eyJrIjoi", "eyJrIjoi", "[A-Za-z0-9+/]{40,400}={0,3}", "eyJrIjoi<w80>", ""),
    Format("maxmind-key", "_mmk", "", "[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk", "<w6>_<w29>_mmk", "<w6>_<w28>_mmk"),
    Format(
        "new-relic-key",
        "NR",
        "NR(?:AK|II|JS|RA|IQ)-",
        "[A-Za-z0-9_-]{19,32}",
        "NRAK-<u27> NRII-<w32>",
        "NRAK-<u9> NRG0-Hermes-INTERNAL-API",
    ),
    Format(
        "planetscale-token",
        "pscale_",
        "pscale_(?:pw|tkn|oauth)_",
        "[A-Za-z0-9_=.-]{32,64}",
        "pscale_pw_<w32> pscale_tkn_<w40>",
        "pscale_db_<w32>",
    ),
    Format(
        "sentry-token",
        "sntrys_",
        "sntrys_",
        "eyJ[A-Za-z0-9+/=]{20,500}_[A-Za-z0-9+/]{40,50}",
        "sntrys_eyJ<w120>_<w43>",
        "sntryu_<h63>",
    ),
    Format("sentry-token", "sntryu_", "sntryu_", "[0-9a-f]{64}", "sntryu_<h64>", ""),
    Format("supabase-key", "sb", "sb(?:p|_secret)_", "[A-Za-z0-9_-]{31,48}", "sbp_<h40>", "sb_publishable_<w31>"),
    Format("airtable-token", "pat", "pat", r"[A-Za-z0-9]{14}\.[0-9a-f]{64}", "pat<w14>.<h64>", "pat<w14>.<h60>"),
    Format("clickhouse-key", "4b1d", "4b1d", "[A-Za-z0-9]{38}", "4b1d<w38>", "4b1d<X*38> adf4b1d<w38>"),
    Format("databricks-token", "dose", "dose", "[0-9a-f]{32}", "do<>se<h32>", "dose<h31>"),
    Format("neon-key", "napi_", "napi_", "[A-Za-z0-9]{64}", "na<>pi_<l64>", "napi_<l40>"),
    Format("atlas-secret", "mdb_sa_sk_", "mdb_sa_sk_", "[A-Za-z0-9_-]{38,44}", "mdb<>_sa_sk_<w40>", "mdb_sa_id_<h24>"),
    Format(
        "cockroach-key", "CCDB1_", "CCDB1_", "[A-Za-z0-9]{22}_[A-Za-z0-9]{40}", "CC<>DB1_<w22>_<w40>", "CCDB1_<w22>"
    ),
    Format("confluent-secret", "cflt", "cflt", r"(?=[A-Za-z]{0,59}\d)[A-Za-z0-9+/]{60}", "cf<>lt<w60>", "cflt<w20>"),
    Format("aiven-password", "AVNS_", "AVNS_", "[A-Za-z0-9_-]{18,24}", "AV<>NS_<w19>", "AVNS_<w5>"),
    Format("astra-token", "AstraCS:", "AstraCS:", "[A-Za-z0-9:]{40,110}", "Astra<>CS:<a24>:<h64>", "AstraCS:<a24>"),
    Format("honeycomb-key", "ik_", "hc[a-z]ik_", "[0-9a-z]{58}", "hca<>ik_<l58>", "hcaik_<l20>"),
    Format(
        "new-relic-key",
        "NRAL",
        "",
        "(?:eu01xx[0-9a-f]{30}|[0-9a-fA-F]{36})NRAL",
        "<h36>NR<>AL eu01xx<h30>NR<>AL",
        "<h20>NRAL",
    ),
    Format(
        "mapbox-token",
        ".eyJ1Ijoi",
        r"[st]k\.eyJ1Ijoi",
        r"[A-Za-z0-9_-]{30,200}\.[A-Za-z0-9_-]{22}",
        "s<>k.eyJ1Ijoi<w60>.<w22>",
        "pk.eyJ1Ijoi<w60>.<w22>",
    ),
    Format(
        "rpc-endpoint-key",
        "/v",
        r"(?:https|wss)://[a-z0-9.-]{3,60}(?:infura\.io|alchemy\.com|alchemyapi\.io)/(?:ws/)?v[23]/",
        "[A-Za-z0-9_-]{32}",
        "https://mainnet.infura<>.io/v3/<h32>",
        "https://mainnet.infura.io/v3/<h20>",
        "likely",
    ),
    Format("elastic-key", "essu_", "essu_", "[A-Za-z0-9_-]{60,200}={0,2}", "es<>su_<w80>", "essu_<w20>"),
    Format("posthog-key", "phx_", "phx_", "[A-Za-z0-9_-]{41,49}", "ph<>x_<w43>", "phc_<w43> phx_<w20>"),
    Format("tableau-token", "==:", "", "[A-Za-z0-9+/]{22}==:[A-Za-z0-9]{32}", "<w22>==<>:<w32>", "<w22>==:<w20>"),
)
