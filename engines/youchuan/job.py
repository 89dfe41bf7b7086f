"""What a job's record at Youchuan, and a refusal, mean; pure functions.

Source: Youchuan's list of routes, of states and of reasons, spelt as they spell them; open clients for what is not
said there: a success may come before its pictures, and some saw words for a status.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engines.hosted.host import HostedLook
from engines.remote.session import Answer, NoAnswer
from limner.errors import EngineBusy, EngineDown, EngineError, Refused, Rejected

PICTURES_MAX = 8
#: how long to wait where the plan's drawings are all under way
BUSY_S = 10.0
_SUCCESS, _FAILURE = ("2", "成功"), ("3", "失败")
_WAITING = ("JobStatusCreated", "JobStatusQueued")

_MODERATED = ("JobStatusTextReject", "JobStatusImagePromptDenied", "JobStatusReject")
_PARAMETER = ("JobStatusBadPrompt", "JobStatusInvalidParameter")
_REFERENCE = ("JobStatusInvalidImagePromptLink", "JobStatusDuplicateImage")


def look_of(told: Mapping[str, Any]) -> HostedLook:
    """Return what a record says; an unknown state counts as drawing."""
    status, comment = str(told.get("status")), str(told.get("comment") or "")
    if status in _FAILURE:
        return HostedLook("failed", error=failure(comment))
    urls = told.get("urls")
    pictures = [url for url in urls if isinstance(url, str)] if isinstance(urls, list) else []
    if status in _SUCCESS and pictures:
        return HostedLook("done", pictures=pictures[:PICTURES_MAX])
    if status not in _SUCCESS and comment in _WAITING:
        return HostedLook("waiting")
    return HostedLook("drawing")


def failure(comment: str) -> EngineError:
    """Return the error for the state that a failed job is in."""
    if comment in _MODERATED:
        return Rejected("moderated", "The prompt or its picture was refused by moderation.")
    if comment in _PARAMETER:
        return Rejected("parameter", "The engine does not take these parameters.")
    if comment in _REFERENCE:
        return Rejected("reference", "The engine could not use the reference images.")
    match comment:
        case "JobStatusMaxConcurrentLimited":
            return EngineBusy(BUSY_S, "as many drawings are under way as the plan allows")
        case "JobStatusCreditNotEnough":
            return Refused("credit", "the account has no credit left")
        case "JobStatusCanceled":
            return Rejected("failed", "The drawing was cancelled at the engine.")
    return EngineError("The engine failed to draw this.")


def judge(answer: Answer) -> EngineError | None:
    """Return the error for a refusal, by its reason; None for the usual one of its status."""
    match str(answer.table().get("reason") or ""):
        case "Invalid_Prompt_Parameter" | "Invalid_Argument":
            return Rejected("parameter", "The engine does not take these parameters.")
        case "Job_ReUpscale_Not_Support" | "Upscale_Not_Support" | "Not_Support":
            return Rejected("parameter", "The engine's model cannot do that to this picture.")
        case "Msg_Sensitive":
            return Rejected("moderated", "The prompt was refused by moderation.")
        case "Invalid_App_Identifier":
            return Refused("credentials", "the app or its secret is not taken")
        case "Permission_Denied":
            return Refused("credentials", "the account may not do that")
        case "Account_Fee_Not_Enough":
            return Refused("credit", "the account has no credit left")
        case "No_Avaliable_Plan":
            return Refused("credit", "the account has no plan")
        case "No_More_Relax_Credit":
            return Refused("credit", "the plan has no relaxed drawings left")
        case "Relax_Not_Allow":
            return Refused("setup", "the plan allows no relaxed drawings: set relax = false")
        case "Max_Concurrent_Limited":
            asked_s = answer.retry_after_s if "Retry-After" in answer.headers else BUSY_S
            return EngineBusy(asked_s, "as many drawings are under way as the plan allows")
        case "Server_Busy":
            return EngineDown("it is too busy to answer")
        case "Request_Timout":
            # What was submitted may have been started.
            return NoAnswer("it did not answer in time")
    return None
