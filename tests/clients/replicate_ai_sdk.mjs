// What a program does with the AI SDK and its provider for Replicate.
//
//     node replicate_ai_sdk.mjs URL TOKEN
//
// Prints one JSON object; tests/clients/test_replicate.py says what must be in it.

import { createReplicate } from "@ai-sdk/replicate";
import * as ai from "ai";

const [url, apiToken] = process.argv.slice(2);
// It was experimental in the versions before.
const generateImage = ai.generateImage ?? ai.experimental_generateImage;
const replicate = createReplicate({ baseURL: `${url}/v1`, apiToken });
const seen = {};

const model = replicate.image("black-forest-labs/flux-schnell");
const drawn = await generateImage({ model, prompt: "a dog [[seconds 1]]", n: 2, size: "512x512", seed: 7 });
seen.drawn = drawn.images.map((one) => one.mediaType);

const versioned = replicate.image(`acme/poster:${"a".repeat(64)}`);
seen.versioned = (await generateImage({ model: versioned, prompt: "a dog", aspectRatio: "3:2" })).images.length;

const images = [drawn.images[0].uint8Array, drawn.images[1].uint8Array];
const several = replicate.image("black-forest-labs/flux-2-pro");
seen.edited = (await generateImage({ model: several, prompt: { text: "red", images } })).images.length;

try {
  await generateImage({ model, prompt: "a dog", providerOptions: { replicate: { prompt: "" } }, maxRetries: 0 });
} catch (error) {
  seen.failure = { message: error.message, status: error.statusCode };
}

console.log(JSON.stringify(seen));
