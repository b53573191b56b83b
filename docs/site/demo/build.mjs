// Copy what the page needs of ONNX Runtime Web beside it, so that it asks nobody else for anything:
//   npm ci --ignore-scripts && npm run build
// `node build.mjs DIR` also copies the page itself to DIR, ready to be served.
import { cpSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "node_modules", "onnxruntime-web", "dist");
const runtime = ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"];
const page = ["index.html", "style.css", "demo.js", "network.js", "follow.js", "picture.js", "draw.js", "onnx.js"];
const kept = ["model.onnx", "face.jpg"];

if (!existsSync(dist)) {
  console.error("build: onnxruntime-web is not installed; run npm ci --ignore-scripts here first");
  process.exit(1);
}
const copy = (from, to) => {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to);
};
for (const name of runtime) copy(join(dist, name), join(here, "ort", name));
const out = process.argv[2];
if (out) {
  for (const name of [...page, ...kept]) copy(join(here, name), join(out, name));
  for (const name of runtime) copy(join(dist, name), join(out, "ort", name));
}
console.log(`build: ${runtime.length} files of onnxruntime-web in ${out ? join(out, "ort") : "ort"}`);
