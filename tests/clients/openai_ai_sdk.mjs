// What a program does with the AI SDK and its provider for servers that speak as OpenAI does.
//
//     node openai_ai_sdk.mjs URL TOKEN
//
// Prints one JSON object; tests/clients/test_openai.py says what must be in it.

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import * as ai from "ai";

const [baseURL, apiKey] = process.argv.slice(2);
// It was experimental in the versions before.
const generateImage = ai.generateImage ?? ai.experimental_generateImage;
const limner = createOpenAICompatible({ name: "limner", baseURL, apiKey });
const seen = {};

const drawn = await generateImage({ model: limner.imageModel("gpt-image-1"), prompt: "a dog", n: 2, size: "512x512" });
seen.drawn = drawn.images.map((one) => one.mediaType);

const images = [drawn.images[0].uint8Array];
const edited = await generateImage({ model: limner.imageModel("limner"), prompt: { text: "red", images } });
seen.edited = edited.images.map((one) => one.mediaType);

try {
  await generateImage({ model: limner.imageModel("limner"), prompt: "[[moderated]]", maxRetries: 0 });
} catch (error) {
  seen.failure = { message: error.message, status: error.statusCode, retryable: error.isRetryable };
}

console.log(JSON.stringify(seen));
