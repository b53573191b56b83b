// A network in the page: read from a file's bytes, checked, and asked for the keypoints of a 96 x 96 face.
import * as ort from "./ort/ort.wasm.min.mjs";
import { readMetadata } from "./onnx.js";

const FORMAT = "facial-keypoints 1";
const MAKE = "make one with: python -m data_scripts.export_onnx MODEL.pt --out model.onnx";
export const LARGEST = 128 * 2 ** 20;

ort.env.wasm.wasmPaths = new URL("./ort/", import.meta.url).href;
// More threads need headers that a plain web server does not send; a face is found in milliseconds with one.
ort.env.wasm.numThreads = 1;
ort.env.logLevel = "error";

/** What is wrong with something from outside, in a line for the reader. */
export class Refused extends Error {}

/**
 * Load a network; throws Refused in a line where the bytes are not one that this page can show.
 * -> { names, kind, sharpnessLimit, bytes, find }, where find(gray) takes a Float32Array of 96 * 96 values in [0, 1]
 * and answers { points: [[x, y], ...] in pixels of the face, maps: null or { side, values: Float32Array } }.
 */
export async function loadNetwork(bytes, name) {
  if (bytes.length > LARGEST) throw new Refused(`${name}: expected at most 128 MB, got ${Math.round(bytes.length / 2 ** 20)}`);
  const about = readMetadata(bytes);
  if (!about) throw new Refused(`${name}: expected an ONNX file, got something else or a part of one; ${MAKE}`);
  if (about.get("format") !== FORMAT) {
    throw new Refused(`${name}: an ONNX file that this course did not export; ${MAKE}`);
  }
  const names = parseNames(about.get("keypoints"));
  const kind = about.get("output");
  if (!names || about.get("size") !== "96" || !["maps", "points"].includes(kind)) {
    throw new Refused(`${name}: its metadata is not what export_onnx writes; ${MAKE}`);
  }
  let session;
  try {
    session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  } catch {
    throw new Refused(`${name}: this browser cannot run it; export it again with the course's export_onnx`);
  }
  // One question after the other: a session answers one at a time, and is let go when it has answered the last.
  let last = Promise.resolve();
  const inTurn = (work) => (last = last.then(work, work));
  const find = (gray) => {
    const image = new ort.Tensor("float32", gray.slice(), [1, 1, 96, 96]);
    return inTurn(async () => read(await session.run({ image })));
  };
  const read = (answer) => {
    const flat = answer.keypoints.data;
    const points = names.map((_, k) => [flat[2 * k], flat[2 * k + 1]]);
    const maps = answer.maps ? { side: answer.maps.dims[3], values: answer.maps.data } : null;
    return { points, maps };
  };
  try {
    const { points, maps } = await find(new Float32Array(96 * 96).fill(0.5)); // also warms up
    const square = !maps || maps.values.length === names.length * maps.side ** 2;
    if (!square || points.some((point) => point.some((value) => !Number.isFinite(value)))) throw new Error();
  } catch {
    await session.release();
    throw new Refused(`${name}: it does not answer with ${names.length} keypoints; export it again with export_onnx`);
  }
  const limit = Number(about.get("sharpness_limit"));
  return {
    names,
    kind,
    sharpnessLimit: limit > 0 && limit < 1 ? limit : 0.3,
    bytes: bytes.length,
    find,
    release: () => inTurn(() => session.release()),
  };
}

function parseNames(json) {
  try {
    const names = JSON.parse(json);
    return Array.isArray(names) && names.length > 0 && names.every((name) => typeof name === "string") ? names : null;
  } catch {
    return null;
  }
}
