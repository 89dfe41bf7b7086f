// Say which versions of the clients for Node are here.
import { readFileSync } from "node:fs";

const lock = JSON.parse(readFileSync(new URL("package-lock.json", import.meta.url)));
const found = {};
for (const name of Object.keys(lock.packages[""].dependencies)) {
  const about = new URL(`node_modules/${name}/package.json`, import.meta.url);
  found[name] = JSON.parse(readFileSync(about)).version;
}
console.log(JSON.stringify(found));
