// What an agent does with the official client for Node; run where its modules are installed.
//
//     mcp_node.mjs URL TOKEN
//
// Prints one JSON object; tests/clients/test_mcp.py says what must be in it.
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const [url, token] = process.argv.slice(2);
const transport = new StreamableHTTPClientTransport(new URL(url), {
  requestInit: { headers: { Authorization: `Bearer ${token}` } },
});
const client = new Client({ name: "test", version: "1" });
await client.connect(transport);

const shown = (result) => ({
  kinds: result.content.map((one) => one.type),
  text: result.content[0].text,
  job: result.structuredContent,
  failed: result.isError,
});
const call = (name, args, options) =>
  client.callTool({ name, arguments: args }, undefined, options);

const steps = [];
const seen = { session: transport.sessionId, server: client.getServerVersion().name };
// Listing has it check each result against the tool's schema from here on.
seen.tools = (await client.listTools()).tools.map((tool) => tool.name);
await client.ping();
seen.drawn = shown(
  await call("imagine", { prompt: "a hill", wait_s: 40 }, { onprogress: (one) => steps.push(one) }),
);
seen.steps = steps.map((one) => [one.progress, one.total, one.message]);
seen.picked = shown(await call("press", { id: seen.drawn.job.job_id, button: "u1" }));
seen.refused = shown(await call("imagine", { prompt: "" }));
seen.failed = shown(await call("imagine", { prompt: "a hill [[moderated]]", wait_s: 40 }));
try {
  await call("paint", {});
} catch (error) {
  seen.unknown = error.code;
}
console.log(JSON.stringify(seen));

const gone = new AbortController();
await call(
  "imagine",
  { prompt: "a dale [[seconds 600]]", wait_s: 300 },
  { signal: gone.signal, onprogress: () => gone.abort() },
).catch(() => {});
// The client goes on until the test has seen what became of the job.
await new Promise((seen) => process.stdin.once("data", seen));
process.stdin.destroy();
await transport.terminateSession();
await client.close();
