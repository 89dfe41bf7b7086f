"""Faces that are left out: their addresses are nobody's, and those of others are as before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from api import create_app
from limner.faces import FACES
from tests.api.asking import Caller, refused

#: an address of each face
ADDRESSES = {
    "limner": "/draw/midjourney/jobs",
    "mjproxy": "/mj/task/list",
    "openai": "/v1/models",
    "replicate": "/v1/predictions",
    "mcp": "/mcp",
    "sdapi": "/sdapi/v1/options",
}


@pytest.mark.parametrize("left_out", FACES)
def test_a_face_that_is_left_out_takes_no_other_with_it(
    settings, store, messages, caller, left_out
):
    served = ",".join(face for face in FACES if face != left_out)
    app = create_app(replace(settings, faces=served), store, messages)
    asking = Caller(app, caller.token, caller.name)
    bearer = {"Authorization": f"Bearer {caller.token}"}

    for face in FACES:
        response = asking("GET", ADDRESSES[face], headers=bearer)
        if face == left_out:
            assert refused(response, 404) == {}
            assert asking("GET", f"/openapi/{face}.json").status_code == 404
        else:
            # Of MCP's, only POST is served.
            assert response.status_code == (405 if face == "mcp" else 200), response.text
    assert asking("GET", "/healthz").status_code == 200


#: of each face that pages may call: where it has nothing, and what takes no such method
NOTHING_AT = {
    "mjproxy": (("GET", "/mj/nothing"), ("PUT", "/mj/task/list")),
    "openai": (("GET", "/v1/images/nothing"), ("PUT", "/v1/models")),
    "replicate": (("GET", "/v1/predictions/a/b/c"), ("PUT", "/v1/predictions")),
    "mcp": (("GET", "/mcp/nothing"), ("PUT", "/mcp")),
    "sdapi": (("GET", "/sdapi/v1/nothing"), ("PUT", "/sdapi/v1/options")),
}


@pytest.mark.parametrize("face", NOTHING_AT)
def test_a_page_can_read_that_there_is_nothing(app, face):
    for (method, path), status in zip(NOTHING_AT[face], (404, 405), strict=True):
        response = app.test_client().open(path, method=method)

        assert response.status_code == status, response.text
        assert response.headers["Access-Control-Allow-Origin"] == "*"


def test_pages_of_others_read_nothing_of_the_gateways_own(app):
    response = app.test_client().get("/draw/nothing")

    assert "Access-Control-Allow-Origin" not in response.headers
