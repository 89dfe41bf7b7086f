"""Whatever is sent, the answer is one of the face's own, and never a 500."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.openai.asked import EditSchema
from tests.api.faces.openai.asking import EDITS, GENERATIONS
from tests.conftest import examples

ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["auto", "1024x1024", "0x0", "url", "true", "iVBORw0KGgo=", "https://a/b.png"]
    ),
    lambda some: (
        st.lists(some, max_size=3)
        | st.dictionaries(st.sampled_from(["image_url", "url", "x"]), some, max_size=2)
    ),
    max_leaves=4,
)
NAMES = st.sampled_from([*EditSchema().names, "images", "image[]", "other"])
BODIES = st.dictionaries(NAMES, ANYTHING, max_size=5)


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES, path=st.sampled_from([GENERATIONS, EDITS]), form=st.booleans())
def test_no_body_breaks_it(client, body, path, form):
    body = {"prompt": "a cat"} | body
    sent = {"json": body}
    if form and path == EDITS:
        sent = {"data": {name: str(value) for name, value in body.items()}}
        sent["content_type"] = "multipart/form-data"
    # Otherwise it would wait for the drawing.
    response = client("POST", path, headers={"Prefer": "respond-async"}, **sent)

    assert response.status_code in (202, 400, 409, 413), response.text
    if response.status_code != 202:
        assert response.json["error"]["message"]
