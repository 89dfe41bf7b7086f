// What a program does with OpenAI's own library for Node; run where the clients' modules are.
//
//     node openai_node.mjs URL TOKEN POOR
//
// POOR: the token of a client with no budget and without the fast lane.
// Prints one JSON object; tests/clients/test_openai.py says what must be in it.

import OpenAI, { toFile } from "openai";

const [url, token, poors] = process.argv.slice(2);
const model = "gpt-image-1";
const client = new OpenAI({ baseURL: url, apiKey: token });
const seen = { models: (await client.models.list()).data.map((one) => one.id) };

const drawn = await client.images.generate({ model, prompt: "a cat", size: "512x512" });
seen.drawn = { id: drawn._request_id, size: drawn.size, inline: drawn.data.map((one) => !!one.b64_json) };

seen.stream = [];
const stream = await client.images.generate({
  model, prompt: "a cat [[seconds 3]]", stream: true, partial_images: 2, size: "512x512",
});
for await (const event of stream) seen.stream.push([event.type, event.size, event.partial_image_index ?? null]);

const file = () => toFile(Buffer.from(drawn.data[0].b64_json, "base64"), "a.png", { type: "image/png" });
const one = await client.images.edit({ model, prompt: "red", image: await file() });
const two = await client.images.edit({ model, prompt: "red", image: [await file(), await file()] });
seen.edits = { one: [one._request_id, one.size], two: [two._request_id, two.size] };

async function failure(ask) {
  try {
    const found = await ask();
    if (found[Symbol.asyncIterator]) for await (const _ of found);
    return { class: null };
  } catch (error) {
    const { status = null, code = null, param = null, type = null, requestID = null } = error;
    return { class: error.constructor.name, status, code, param, type, request_id: requestID };
  }
}

const stranger = new OpenAI({ baseURL: url, apiKey: "wrong" });
const poor = new OpenAI({ baseURL: url, apiKey: poors });
const key = { headers: { "Idempotency-Key": "node's" } };
await client.images.generate({ prompt: "a cat", n: 1 }, key);
seen.failures = {
  field: await failure(() => client.images.generate({ model, prompt: "a cat", size: "7x7" })),
  key: await failure(() => stranger.models.list()),
  address: await failure(() => client.get("/nothing")),
  lane: await failure(() => poor.images.generate({ prompt: "a cat", lane: "fast" })),
  quota: await failure(() => poor.images.generate({ prompt: "a cat" })),
  conflict: await failure(() => client.images.generate({ prompt: "a cat", n: 2 }, key)),
  moderated: await failure(() => client.images.generate({ model, prompt: "[[moderated]]" })),
  failed: await failure(() => client.images.generate({ model, prompt: "[[fail]]" })),
  stream: await failure(() => client.images.generate({ model, prompt: "[[moderated]] again", stream: true })),
};

// Each try is shorter than the drawing.
const hasty = new OpenAI({ baseURL: url, apiKey: token, timeout: 2000, maxRetries: 4 });
seen.retried = (await hasty.images.generate({ model, prompt: "slow [[seconds 5]]" }))._request_id;

console.log(JSON.stringify(seen));
