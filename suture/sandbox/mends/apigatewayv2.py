"""API Gateway, HTTP and WebSocket APIs: the list of an API's authorizers, which moto lacks.

AWS: Amazon API Gateway Version 2 API Reference, GetAuthorizers.
"""

from __future__ import annotations

import json
from typing import Any

from moto.apigatewayv2.responses import ApiGatewayV2Response

from .patching import instead


def mend() -> None:
    @instead(ApiGatewayV2Response, "get_authorizers")
    def get_authorizers(self: Any) -> tuple[int, dict[str, str], str]:
        api = self.apigatewayv2_backend.get_api(self.path.split("/")[-2])
        return 200, {}, json.dumps({"items": [one.to_json() for one in api.authorizers.values()]})
