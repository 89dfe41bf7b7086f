"""Faces: which are served, what is set for them, and the shape of a job's callbacks."""

from __future__ import annotations

import pytest

from limner.errors import ConfigError
from limner.faces import FACES, LIMNER
from limner.request import Lane
from limner.settings import Alias, FaceOptions, Settings
from schemas.callback_shape import callback_shape


def load(folder, text: str, **environ: str) -> Settings:
    path = folder / "limner.toml"
    path.write_text(text)
    return Settings.load({"LIMNER_CONFIG": str(path), **environ})


def test_all_faces_are_served_unless_some_are_named(tmp_path):
    assert load(tmp_path, "").served_faces == FACES
    assert load(tmp_path, 'faces = "limner"').served_faces == (LIMNER,)
    assert load(tmp_path, 'faces = ["limner"]').served_faces == (LIMNER,)
    assert load(tmp_path, '[faces]\nserve = ["limner"]').served_faces == (LIMNER,)
    assert load(tmp_path, "", LIMNER_FACES=" limner , limner").served_faces == (LIMNER,)


def test_a_childs_environment_names_the_same_faces(tmp_path):
    given = load(tmp_path, "", LIMNER_FACES="limner")

    assert load(tmp_path, "", **given.environment()).served_faces == given.served_faces


def test_a_faces_table_says_what_its_models_stand_for(tmp_path):
    text = """
        [faces.limner]
        lane = "relaxed"
        hang_up = "go on"
        models = { "dall-e-3" = { lane = "fast" }, "acme/art" = { engine = "stage", version = "7" } }
    """

    assert load(tmp_path, text).face(LIMNER) == FaceOptions(
        Lane.RELAXED,
        {"dall-e-3": Alias(Lane.FAST), "acme/art": Alias(None, "stage", "7")},
        hang_up_cancels=False,
    )
    assert load(tmp_path, "").face(LIMNER) == FaceOptions()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('faces = "limner,other"', "limner.toml: faces"),
        ("faces = [1]", "limner.toml: faces"),
        ("faces = 1", "limner.toml: faces"),
        ("[faces.other]", "limner.toml: faces.other"),
        ("faces.limner = 1", "limner.toml: faces.limner"),
        ("[faces.limner]\nlain = 1", "limner.toml: faces.limner.lain"),
        ('[faces.limner]\nlane = "slow"', "limner.toml: faces.limner.lane"),
        ('[faces.limner]\nhang_up = "later"', "limner.toml: faces.limner.hang_up"),
        ("[faces.limner]\nmodels = 3", "limner.toml: faces.limner.models"),
        ('[faces.limner.models.a]\nlane = "slow"', "limner.toml: faces.limner.models.a.lane"),
        ("[faces.limner.models.a]\nengine = 3", "limner.toml: faces.limner.models.a"),
        ("[faces.limner.models.a]\nother = 3", "limner.toml: faces.limner.models.a"),
        ('[faces.limner.models.""]', "limner.toml: faces.limner.models."),
    ],
)
def test_a_wrong_faces_table_is_refused_by_name(tmp_path, text, said):
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, text)

    assert refused.value.message.startswith(said)


def test_a_job_of_a_face_that_is_not_known_here_has_the_gateways_own_callbacks():
    assert callback_shape("of-another-release") is callback_shape(LIMNER)
