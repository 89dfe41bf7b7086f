"""Postcards: a page on which somebody asks for a picture, and watches it come.

It has one POST to Limner and one receiver of its callbacks; what it knows of a job is what these tell.
"""

import html
import os
import threading
import time
import uuid

import requests
from flask import Flask, redirect, request
from standardwebhooks import Webhook

GATEWAY = os.environ.get("GATEWAY", "http://127.0.0.1:8000")
PORT = int(os.environ.get("PORT", "9000"))
WORDS = {-2: "waits for its turn", -1: "is about to be drawn", 0: "is being drawn"}
#: reasonCode → what whoever asked can do about it
ADVICE = {"moderated": "Please ask for something else.", "parameter": "Please ask for less."}

app = Flask(__name__)
webhook = Webhook(os.environ["SECRET"])
#: id → the job, as it was told last; a real application has a table for them
jobs = {}
lock = threading.Lock()


def keep(job):
    """Keep what is newer than what is known: a callback may come twice, or late, or before the answer to the POST."""
    with lock:
        known = jobs.get(job["id"])
        if known is None or job["seq"] > known["seq"]:
            jobs[job["id"]] = job


@app.post("/callbacks")
def callback():
    try:
        job = webhook.verify(request.get_data(), dict(request.headers))
    except Exception:  # unsigned, changed on its way, or older than five minutes
        return "", 401
    if not job.get("test"):
        keep(job)
    return "", 204


@app.post("/")
def ask():
    tag = uuid.uuid4().hex
    wanted = {
        "promptEn": request.form["prompt"],
        "fast": True,
        "tag": tag,
        "callBackUrl": f"http://127.0.0.1:{PORT}/callbacks",
    }
    # With the key, a second try after a broken connection finds the first one's job.
    headers = {"token": os.environ["TOKEN"], "Idempotency-Key": tag}
    answer = posted(wanted, headers)
    body = answer.json()
    if not answer.ok:
        why = [
            body["message"],
            *(f"{name}: {' '.join(said)}" for name, said in body["errors"].items()),
        ]
        return page(f"<p>{html.escape(' '.join(why))} ({body['code']})</p>"), answer.status_code
    keep(body)
    return redirect(f"/cards/{body['id']}", 303)


def posted(wanted, headers):
    """Return the answer; a refusal that passes in seconds (429, 503) is waited for, twice."""
    for tries_left in (2, 1, 0):
        answer = requests.post(
            f"{GATEWAY}/draw/midjourney/imagine", json=wanted, headers=headers, timeout=30
        )
        pause_s = int(answer.headers.get("Retry-After", 0))
        if not (tries_left and 0 < pause_s <= 5):
            break
        time.sleep(pause_s)
    return answer


@app.get("/")
def form():
    return page("".join(f'<p><a href="/cards/{one}">{one}</a></p>' for one in jobs))


@app.get("/cards/<card>")
def show(card):
    job = jobs.get(card)
    if job is None:
        return page("<p>There is no such card.</p>"), 404
    if job["status"] == 2:
        advice = ADVICE.get(job["reasonCode"], "Please try again.")
        return page(f"<p>{html.escape(job['reason'])} {advice}</p>")
    said = WORDS.get(job["status"], "is done")
    picture = f'<img src="{job["url"]}" width="{job["width"]}" alt="">' if job["url"] else ""
    again = "" if job["status"] == 1 else '<meta http-equiv="refresh" content="1">'
    return page(
        f"{again}<p>{html.escape(job['promptEn'])} {said}: {job['progress']} %</p>{picture}"
    )


def page(inside):
    ask = (
        '<form method="post" action="/"><input name="prompt" size="60"><button>Draw</button></form>'
    )
    return f"<!doctype html><meta charset=utf-8><title>Postcards</title>{ask}{inside}"


if __name__ == "__main__":
    app.run(port=PORT)
