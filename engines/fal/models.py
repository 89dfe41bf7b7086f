"""Which of fal's models draws what, and what each of them takes.

Source: fal's OpenAPI documents, one for each model, which anyone may read. Drawing from words, from pictures
and under a mask are different models there (``fal-ai/flux/dev``, ``fal-ai/flux/dev/image-to-image``).
"""

from __future__ import annotations

from dataclasses import dataclass

from engines.hosted.remembered import Remembered
from engines.remote.model_inputs import ModelInputs
from engines.remote.session import Answered, Remote
from limner.engine import Brief
from limner.errors import BadResult, Refused


@dataclass(frozen=True, slots=True)
class FalModel:
    """One model by its path, and what it takes."""

    name: str
    inputs: ModelInputs


class FalModels:
    """The models of one engine: for words, for pictures to start from, and for a part of a picture."""

    def __init__(
        self, documents: Remote, usual: str, pictures: str | None, inpaint: str | None
    ) -> None:
        self._documents = documents
        self.usual = usual
        self.pictures, self.inpaint = pictures or usual, inpaint or pictures or usual
        self._models = Remembered(self._asked)

    def for_brief(self, brief: Brief) -> FalModel:
        """Return the model that draws a brief.

        Raises:
            EngineError: it cannot be asked about, or there is none.
        """
        if brief.operation == "edit":
            return self._models.get(self.inpaint)
        starts = brief.references or (brief.parent and brief.parent.picture)
        if starts or brief.style_references or brief.object_references:
            return self._models.get(self.pictures)
        return self._models.get(brief.model or self.usual)

    def inputs(self, name: str) -> ModelInputs:
        """Return what a model takes; nothing while it cannot be asked about."""
        model = self._models.if_known(name)
        return model.inputs if model else ModelInputs()

    def close(self) -> None:
        """Close the connections."""
        self._documents.close()

    def _asked(self, name: str) -> FalModel:
        try:
            document = self._documents.get_json("", params={"endpoint_id": name})
        except Answered as error:
            if error.answer.status in (400, 404, 422):
                raise Refused("setup", f"there is no document of the model {name}") from None
            raise
        inputs = ModelInputs.of_post(document)
        if not inputs.first("prompt"):
            raise BadResult("The engine's model takes no prompt.")
        return FalModel(name, inputs)
