"""Give finished pictures, and previews, as their caller wants them: by URL or in the answer itself."""

from __future__ import annotations

from api.house import House
from api.inline_pictures import inline_picture
from api.places import Hold
from limner.errors import ParentGone
from limner.job import Job, Picture
from limner.pictures.conversion import PictureForm
from limner.pictures.decoding import UnreadablePictureError
from schemas.openai.answer import GivenPicture
from schemas.openai.answer_form import AnswerForm


def delivered(here: House, job: Job, wanted: AnswerForm, held: Hold) -> list[GivenPicture]:
    """Return a job's pictures; what is held in memory is charged to ``held``.

    Raises:
        ParentGone: they have been deleted.
        ImagesDown: the image store is down.
        TooManyAtOnce, Crowded: this client's answers, or all, take too much memory now.
    """
    seeds = job.drawn_seeds if len(job.drawn_seeds) == len(job.pictures) else ()
    found = []
    for number, picture in enumerate(job.pictures):
        seed = seeds[number] if seeds else None
        try:
            if wanted.response_format == "url":
                found.append(_by_url(here, picture, wanted.form, seed))
            else:
                found.append(inline(here, picture, wanted.form, held, seed))
        except (KeyError, UnreadablePictureError):
            raise ParentGone from None
    return found


def inline(
    here: House, picture: Picture, form: PictureForm, held: Hold, seed: int | None = None
) -> GivenPicture:
    """Return one picture in base64.

    Raises:
        KeyError, UnreadablePictureError: it is gone, or broken.
        ImagesDown, TooManyAtOnce, Crowded: as ``delivered`` says.
    """
    made = inline_picture(here.images, picture.url, form, held)
    return GivenPicture(made.size, b64_json=made.base64, seed=seed)


def _by_url(here: House, picture: Picture, form: PictureForm, seed: int | None) -> GivenPicture:
    drawn = picture.width, picture.height
    if form.fits(picture.url.rpartition(".")[2], drawn):
        return GivenPicture(drawn, picture.url, seed=seed)
    key = here.images.kept_converted(here.images.key_of(picture.url), form)
    return GivenPicture(form.size or drawn, here.images.url(key), seed=seed)
