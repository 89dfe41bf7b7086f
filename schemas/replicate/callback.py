"""The body of the callbacks of predictions: the prediction, as look-ups show it."""

from __future__ import annotations

from schemas.callback_shape import CallbackShape
from schemas.replicate.prediction import prediction_body

SHAPE = CallbackShape(prediction_body, (("logs",), ("logs", "input")))
