// What a program does with Replicate's own library for Node; run where the clients' modules are.
//
//     node replicate_node.mjs URL TOKEN
//
// Prints one JSON object; tests/clients/test_replicate.py says what must be in it.

import { createServer } from "node:http";
import Replicate, { validateWebhook } from "replicate";

const [url, token] = process.argv.slice(2);
const client = new Replicate({ auth: token, baseUrl: `${url}/v1` });
const model = "acme/poster";
const seen = {};

seen.run = await client.run(model, { input: { prompt: "a cat", num_outputs: 2, seed: 7 } });
seen.version = await client.run(`${model}:${"a".repeat(64)}`, { input: { prompt: "a cat" } });
seen.polled = await client.run(model, { input: { prompt: "a cat" }, wait: { mode: "poll", interval: 100 } });

// The drawing takes longer than the answer is held: the library must go on, and not take nothing for the output.
const states = new Set();
const late = await client.run(
  model,
  { input: { prompt: "a cat [[seconds 3]]" }, wait: { mode: "block", timeout: 1, interval: 100 } },
  (prediction) => states.add(prediction.status),
);
seen.late = [late.length, [...states].at(-1)];

const begun = await client.predictions.create({ model, input: { prompt: "a cat [[seconds 2]]" } });
seen.begun = begun.status;
seen.waited = (await client.wait(begun, { interval: 100 })).status;

const dropped = await client.predictions.create({ model, input: { prompt: "a cat [[seconds 30]]" } });
seen.canceled = [(await client.predictions.cancel(dropped.id)).status, (await client.predictions.get(dropped.id)).status];

const picture = Buffer.from(await (await fetch(seen.run[0])).arrayBuffer());
seen.fromFile = (await client.run(model, { input: { prompt: "a dog", image: picture } })).length;
const files = (await client.files.list()).results;
seen.files = [files.length, files[0].size === picture.length];
await client.files.delete(files[0].id);
seen.filesLeft = (await client.files.list()).results.length;

const listed = [];
for await (const page of client.paginate(client.predictions.list)) listed.push(...page);
seen.listed = listed.length;
seen.model = [(await client.models.get("acme", "poster")).owner, (await client.models.versions.list("acme", "poster")).results.length];
seen.account = (await client.accounts.current()).username;

const hooks = [];
let done;
const completed = new Promise((resolve) => (done = resolve));
const server = createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const body = Buffer.concat(pieces).toString();
  hooks.push({ headers: request.headers, body });
  response.end();
  if (JSON.parse(body).completed_at) done();
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const webhook = `http://127.0.0.1:${server.address().port}/hook`;
const told = await client.predictions.create({
  model, input: { prompt: "a cat" }, webhook, webhook_events_filter: ["start", "completed"],
});
await completed;
const secret = (await client.webhooks.default.secret.get()).key;
seen.hooks = hooks.map(({ body }) => JSON.parse(body).status);
const checked = (body, headers) => validateWebhook({
  id: headers["webhook-id"], timestamp: headers["webhook-timestamp"], signature: headers["webhook-signature"], body, secret,
});
seen.valid = await Promise.all(hooks.map(({ body, headers }) => checked(body, headers)));
seen.forged = await checked(hooks[0].body + " ", hooks[0].headers);
const last = JSON.parse(hooks.at(-1).body);
const look = await client.predictions.get(told.id);
seen.hookIsLook = [last.id === told.id, JSON.stringify(last.output) === JSON.stringify(look.output)];
server.close();

async function failure(ask) {
  try {
    await ask();
    return {};
  } catch (error) {
    return { class: error.constructor.name, status: error.response?.status ?? null, message: error.message };
  }
}

const stranger = new Replicate({ auth: "wrong", baseUrl: `${url}/v1` });
seen.failures = {
  moderated: await failure(() => client.run(model, { input: { prompt: "[[moderated]] a cat" } })),
  field: await failure(() => client.run(model, { input: { prompt: "a cat", num_outputs: 99 } })),
  token: await failure(() => stranger.run(model, { input: { prompt: "a cat" } })),
};
console.log(JSON.stringify(seen));
