"""Providers of models."""

from __future__ import annotations

from .row import UUID, Format

FORMATS: tuple[Format, ...] = (
    Format("llamacloud-key", "llx-", "llx-", "[A-Za-z0-9]{44,52}", "ll<>x-<w48>", "llx-<w20>"),
    Format("minimax-key", "sk-api-", "sk-api-", "[A-Za-z0-9_-]{100,130}", "sk-<>api-<w119>", "sk-api-<w20>"),
    Format("cartesia-key", "sk_car_", "sk_car_", "[A-Za-z0-9_]{20,24}", "sk<>_car_<w20>", "sk_car_<w9>"),
    Format("google-api-key", "AQ.Ab8", "AQ[.]Ab8", "[A-Za-z0-9_-]{40,60}", "AQ<>.Ab8RN6<w44>", "AQ.Ab8<w20>"),
    Format("runpod-key", "rpa_", "rpa_", "[A-Za-z0-9]{30,46}", "rp<>a_<w46>", "rpa_<w20>"),
    Format("brave-key", "BSA", "BSA", r"(?=[A-Za-z_-]{0,23}\d)[A-Za-z0-9_-]{24,40}", "BS<>A<w28>", "BSA<w9>", "likely"),
    Format("devin-key", "apk_", "apk_(?:user_)?", "[A-Za-z0-9+/]{80,180}={0,2}", "ap<>k_user_<w140>", "apk_<w40>"),
    Format("devin-key", "cog_", "cog_", "[a-z2-7]{52}", "co<>g_<B52>", "cog_<B40>"),
    Format("zai-key", ".", "", r"[0-9a-f]{32}\.[A-Za-z0-9]{16}", "<h32><>.<w16>", "<h32>.<w9>", "likely"),
    Format(
        "anthropic-key",
        "sk-ant-",
        r"sk-ant-(?:api|admin)\d\d-",
        "[A-Za-z0-9_-]{80,120}",
        "sk-ant-api03-<w95>",
        "sk-ant-api03-<w40>",
    ),
    Format(
        "openai-key",
        "T3BlbkFJ",
        "sk-(?:proj-|svcacct-|admin-)?",
        "[A-Za-z0-9_-]{20,80}T3BlbkFJ[A-Za-z0-9_-]{20,80}",
        "sk-<w20>T3BlbkFJ<w20> sk-proj-<w58>T3BlbkFJ<w58>",
        "sk-<w10>T3BlbkFJ sk-something",
    ),
    Format(
        "huggingface-token",
        "hf_",
        "hf_",
        "[A-Za-z]{34}",
        "hf_<a34>",
        "hf_requiredCharacteristicTypesForDisplayMetadata api_org_controller",
    ),
    Format("huggingface-token", "api_org_", "api_org_", "[A-Za-z]{34}", "api_org_<a34>", ""),
    Format("groq-key", "gsk_", "gsk_", "[A-Za-z0-9]{52}", "gsk_<w52>", "gsk_<w30>"),
    Format("perplexity-key", "pplx-", "pplx-", "[A-Za-z0-9]{48}", "pplx-<w48>", "pplx-<x*48>"),
    Format(
        "openrouter-key", "sk-or-", r"sk-or-(?:v\d-)?", "[A-Za-z0-9_-]{40,100}", "sk-<>or-v1-<h64>", "sk-or-v1-<h30>"
    ),
    Format("langfuse-key", "sk-lf-", "sk-lf-", UUID, "sk-<>lf-<uuid>", "pk-lf-<uuid>"),
    Format("replicate-token", "r8_", "r8_", "[A-Za-z0-9]{37}", "r<>8_<w37>", "r8_<w20>"),
    Format("xai-key", "xai-", "xai-", "[A-Za-z0-9_-]{70,120}", "xa<>i-<w80>", "xai-<w20>"),
    Format("elevenlabs-key", "sk_", "sk_", "[0-9a-f]{48}", "s<>k_<h48>", "sk_<h40>"),
    Format("pinecone-key", "pcsk_", "pcsk_", "[A-Za-z0-9]{4,8}_[A-Za-z0-9]{60,66}", "pc<>sk_<w6>_<w63>", "pcsk_<w6>"),
    Format("tavily-key", "tvly-", "tvly-(?:dev-|prod-)?", "[A-Za-z0-9-]{30,64}", "tv<>ly-dev-<w32>", "tvly-dev-<w9>"),
    Format(
        "langsmith-key",
        "lsv2_",
        "lsv2_(?:pt|sk)_",
        "[0-9a-fA-F]{32}_[0-9a-fA-F]{10}",
        "ls<>v2_pt_<h32>_<h10>",
        "lsv2_pt_<h32>",
    ),
    Format("nvidia-key", "nvapi-", "nvapi-", "[A-Za-z0-9_-]{60,70}", "nva<>pi-<w64>", "nvapi-<w20>"),
    Format(
        "fireworks-key", "fw_", "fw_", r"(?=[A-Za-z]{0,21}\d)[A-Za-z0-9]{22,24}", "f<>w_<w24>", "fw_<a24>", "likely"
    ),
    Format("cerebras-key", "csk-", "csk-", "[a-z0-9]{48}", "cs<>k-<l48>", "csk-<l20>"),
    Format("together-key", "tgp_v1_", "tgp_v1_", "[A-Za-z0-9_-]{43}", "tg<>p_v1_<w43>", "tgp_v1_<w20>"),
    Format(
        "voyage-key",
        "pa-",
        "pa-",
        r"(?=[A-Za-z_-]{0,42}\d)(?=[a-z0-9_-]{0,42}[A-Z])[A-Za-z0-9_-]{43}",
        "p<>a-<w43>",
        "pa-<w20> pa-<l43>",
        "likely",
    ),
    Format("jina-key", "jina_", "jina_", "[0-9a-f]{32}[A-Za-z0-9_-]{28}", "ji<>na_<h32><w28>", "jina_<h32>"),
    Format("firecrawl-key", "fc-", "fc-", "[0-9a-f]{32}", "f<>c-<h32>", "fc-<h20>", "likely"),
    Format("wandb-key", "wandb_v1_", "wandb_v1_", "[A-Za-z0-9_]{70,90}", "wan<>db_v1_<w77>", "wandb_v1_<w20>"),
    Format(
        "ai-provider-key",
        "sk-",
        "sk-",
        r"(?=[A-Za-z]{0,60}\d)[A-Za-z0-9]{32,64}",
        "s<>k-<w48> s<>k-<h32>",
        "sk-<a40> sk-<w20>",
        "likely",
    ),
)
