// Postcards: a page on which somebody asks for a picture, and watches it come.
//
// It has one POST to Limner and one receiver of its callbacks; what it knows of a job is what these tell. Node alone.
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";

const { GATEWAY = "http://127.0.0.1:8000", PORT = "9000", TOKEN, SECRET } = process.env;
if (!TOKEN || !SECRET) throw new Error("TOKEN and SECRET must be set");
const WORDS = { "-2": "waits for its turn", "-1": "is about to be drawn", 0: "is being drawn", 1: "is done" };
// reasonCode -> what whoever asked can do about it
const ADVICE = { moderated: "Please ask for something else.", parameter: "Please ask for less." };
// id -> the job, as it was told last; a real application has a table for them
const jobs = new Map();

// Keep what is newer than what is known: a callback may come twice, or late, or before the answer to the POST.
function keep(job) {
  if (!(jobs.get(job.id)?.seq >= job.seq)) jobs.set(job.id, job);
}

// By https://www.standardwebhooks.com/, over the bytes as they came.
function isSigned(headers, body) {
  const id = headers["webhook-id"] ?? "";
  const at = headers["webhook-timestamp"] ?? "";
  if (!/^\d+$/.test(at) || Math.abs(Date.now() / 1000 - Number(at)) > 300) return false;
  const key = Buffer.from(SECRET.replace(/^whsec_/, ""), "base64");
  const good = createHmac("sha256", key).update(`${id}.${at}.`).update(body).digest();
  return (headers["webhook-signature"] ?? "").split(" ").some((one) => {
    const given = Buffer.from(one.replace(/^v1,/, ""), "base64");
    return given.length === good.length && timingSafeEqual(given, good);
  });
}

async function ask(prompt) {
  const tag = randomUUID();
  const wanted = { promptEn: prompt, fast: true, tag, callBackUrl: `http://127.0.0.1:${PORT}/callbacks` };
  const answer = await posted({
    method: "POST",
    // With the key, a second try after a broken connection finds the first one's job.
    headers: { token: TOKEN, "content-type": "application/json", "idempotency-key": tag },
    body: JSON.stringify(wanted),
  });
  const body = await answer.json();
  if (!answer.ok) {
    const why = [body.message, ...Object.entries(body.errors).map(([name, said]) => `${name}: ${said.join(" ")}`)];
    return [answer.status, page(`<p>${escape(why.join(" "))} (${body.code})</p>`)];
  }
  keep(body);
  return [303, "", { location: `/cards/${body.id}` }];
}

// A refusal that passes in seconds (429, 503) is waited for, twice.
async function posted(options) {
  for (let triesLeft = 2; ; triesLeft--) {
    const signal = AbortSignal.timeout(30_000);
    const answer = await fetch(`${GATEWAY}/draw/midjourney/imagine`, { ...options, signal });
    const pause = Number(answer.headers.get("retry-after"));
    if (!(triesLeft && pause > 0 && pause <= 5)) return answer;
    await answer.body.cancel();
    await sleep(1000 * pause);
  }
}

function show(card) {
  const job = jobs.get(card);
  if (!job) return [404, page("<p>There is no such card.</p>")];
  if (job.status === 2) {
    return [200, page(`<p>${escape(job.reason)} ${ADVICE[job.reasonCode] ?? "Please try again."}</p>`)];
  }
  const picture = job.url ? `<img src="${job.url}" width="${job.width}" alt="">` : "";
  const again = job.status === 1 ? "" : '<meta http-equiv="refresh" content="1">';
  return [200, page(`${again}<p>${escape(job.promptEn)} ${WORDS[job.status]}: ${job.progress} %</p>${picture}`)];
}

function page(inside) {
  const form = '<form method="post" action="/"><input name="prompt" size="60"><button>Draw</button></form>';
  return `<!doctype html><meta charset=utf-8><title>Postcards</title>${form}${inside}`;
}

function escape(text) {
  return text.replace(/[&<>"]/g, (letter) => `&#${letter.charCodeAt(0)};`);
}

async function answered(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  switch (`${request.method} ${request.url}`) {
    case "POST /callbacks": {
      if (!isSigned(request.headers, body)) return [401, ""];
      const job = JSON.parse(body);
      if (!job.test) keep(job);
      return [204, ""];
    }
    case "POST /":
      return ask(new URLSearchParams(body.toString()).get("prompt") ?? "");
    case "GET /":
      return [200, page([...jobs.keys()].map((one) => `<p><a href="/cards/${one}">${one}</a></p>`).join(""))];
    default:
      return show(request.url.replace("/cards/", ""));
  }
}

createServer((request, response) => {
  answered(request)
    .catch((error) => [500, page(`<p>${escape(String(error.message))}</p>`)])
    .then(([status, text, headers = {}]) => {
      response.writeHead(status, { "content-type": "text/html", ...headers }).end(text);
    });
}).listen(Number(PORT), "127.0.0.1");
