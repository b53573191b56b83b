// The page: what its buttons do, and the round from a picture to its points.
import { drawView, makePanel } from "./draw.js";
import { Follower, judge, places, startCrop } from "./follow.js";
import { LARGEST, Refused, loadNetwork } from "./network.js";
import { Cutter, eachFrame, openCamera, putOn, readPicture } from "./picture.js";

const element = (id) => document.getElementById(id);
const [view, video, status, panel] = ["view", "video", "status", "panel"].map(element);
const cutter = new Cutter();
const follower = new Follower();
const picture = document.createElement("canvas"); // what is looked at, without anything drawn on it

let network = null;
let drawPanel = null;
let stopCamera = null;
let last = null; // what is shown, to draw it again when the switch is flipped
let round = 0; // a number for what is looked at; work for a former one is thrown away
const speeds = [];

function say(text, trouble = false) {
  status.classList.toggle("trouble", trouble);
  if (status.textContent !== text) status.textContent = text;
}

/** Run a piece of work for the reader: what is refused is said in a line. */
async function attempt(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Refused)) console.error(error);
    say(error instanceof Refused ? error.message : `Something went wrong (${error.message}); load the page again.`, true);
  }
}

function show(shown) {
  last = shown;
  const maps = element("maps").checked;
  drawView(view, picture, { ...shown, maps: maps && shown.points ? shown.maps : null });
  panel.hidden = !maps;
  if (maps && shown.seen) drawPanel?.(cutter.canvas, shown.points ? shown.maps : null);
  view.setAttribute("aria-label", shown.points ? `A picture with ${shown.points.length} keypoints drawn on it` : "A picture, nothing drawn on it");
}

async function look(crop) {
  const asked = network; // another may be loaded while it answers
  const gray = cutter.cut(picture, crop);
  // Without contrast there is nothing to see, and a network answers with what it expects.
  const some = gray.filter((_, pixel) => pixel % 7 === 0);
  const plain = Math.max(...some) - Math.min(...some) < 0.02;
  const answer = await asked.find(gray);
  const verdict = judge(asked, answer, crop, picture);
  return { answer, verdict: plain ? { ...verdict, found: false } : verdict };
}

function report(verdict, answer, crop, milliseconds) {
  document.dispatchEvent(
    new CustomEvent("face", { detail: { picture, crop, milliseconds, found: verdict.found, points: verdict.points, verdict } }),
  );
}

const found = (names) => `Found: ${names.length} keypoints.`;

function lost() {
  return network.kind === "maps"
    ? "Lost it: the maps are flat, there is no face here that this network knows."
    : "Lost it: these points do not look like a face.";
}

// The camera: one crop a frame, where the face was in the frame before.

async function frame() {
  const began = performance.now();
  const mine = round;
  putOn(picture, video);
  const { crop, answer, verdict } = follower.lost ? await search() : await lookAt(follower.next());
  if (mine !== round) return;
  follower.update(verdict);
  const milliseconds = performance.now() - began;
  const shown = verdict.found
    ? { points: verdict.points, crop, maps: answer.maps, seen: true, mirrored: true }
    : { oval: follower.lost ? startCrop(picture.width, picture.height) : null, seen: true, mirrored: true };
  show(shown);
  if (verdict.found) say(found(network.names));
  else if (follower.missed > 12) say(`${lost()} Put your face into the oval.`);
  measure(began, milliseconds);
  report(verdict, answer, crop, milliseconds);
}

const lookAt = async (crop) => ({ crop, ...(await look(crop)) });

/** Look in a few places; where a face is found, once more with a crop that sits well on it. */
async function search() {
  let result;
  for (let tries = 0; tries < 3; tries++) {
    result = await lookAt(follower.next(picture.width, picture.height));
    if (result.verdict.found) {
      const closer = await lookAt(result.verdict.crop);
      return closer.verdict.found ? closer : result;
    }
  }
  return result;
}

function measure(began, milliseconds) {
  speeds.push([began, milliseconds]);
  if (speeds.length > 30) speeds.shift();
  if (speeds.length % 10 !== 0 && speeds.length < 30) return;
  const mean = speeds.reduce((sum, [, each]) => sum + each, 0) / speeds.length;
  const rate = (1000 * (speeds.length - 1)) / (speeds.at(-1)[0] - speeds[0][0]);
  tell(mean, rate);
}

let told = 0;
function tell(milliseconds, rate = null) {
  if (performance.now() - told < 500 && rate !== null) return; // figures that change faster cannot be read
  told = performance.now();
  element("milliseconds").textContent = `${milliseconds.toFixed(1)} ms`;
  element("rate").textContent = rate === null ? "one picture" : `${rate.toFixed(0)} a second`;
}

const NO_NETWORK = "There is no network yet: load a model.onnx first.";

async function startCamera() {
  if (!network) throw new Refused(NO_NETWORK);
  round++;
  say("Waiting for the camera …");
  stopCamera = () => {};
  try {
    const close = await openCamera(video, () => {
      endCamera();
      say("The camera was taken away; use it again, or choose a picture.", true);
    });
    follower.reset();
    speeds.length = 0;
    const end = eachFrame(video, () => attempt(frame));
    stopCamera = () => {
      end();
      close();
    };
    say("Looking for your face …");
  } catch (error) {
    endCamera();
    throw error;
  }
  element("camera").textContent = "Stop the camera";
}

function endCamera() {
  if (!stopCamera) return;
  round++;
  stopCamera();
  stopCamera = null;
  element("camera").textContent = "Use the camera";
}

// A still picture: looked for in many places, then followed to where it sits well.

async function showPicture(source) {
  endCamera();
  putOn(picture, source);
  source.close?.();
  await lookAtPicture();
}

async function lookAtPicture() {
  const mine = ++round;
  say("Looking for a face …");
  show({});
  let best = null;
  let count = 0;
  for (const crop of places(picture.width, picture.height)) {
    const { verdict } = await look(crop);
    if (mine !== round) return;
    if (verdict.found && (!best || verdict.score > best.score)) best = verdict;
    if (++count % 25 === 0) await new Promise((resolve) => setTimeout(resolve)); // the page stays alive
  }
  let [crop, result, milliseconds] = [best?.crop ?? startCrop(picture.width, picture.height), null, 0];
  for (let step = 0; step < 5; step++) {
    const began = performance.now();
    result = await look(crop);
    milliseconds = performance.now() - began;
    if (mine !== round) return;
    if (!best || !result.verdict.found || step === 4) break;
    crop = result.verdict.crop;
  }
  const { verdict, answer } = result;
  show(verdict.found ? { points: verdict.points, crop, maps: answer.maps, seen: true } : { seen: true });
  say(verdict.found ? found(network.names) : lost());
  tell(milliseconds);
  report(verdict, answer, crop, milliseconds);
}

// Networks.

async function use(bytes, name, whose) {
  const fresh = await loadNetwork(bytes, name);
  const former = network;
  network = fresh;
  drawPanel = makePanel(panel, network.names);
  follower.reset();
  round++;
  former?.release();
  const kind = network.kind === "maps" ? "heat maps" : "points alone, so it cannot tell well when it sees no face";
  element("network").textContent = `${whose}: ${network.names.length} keypoints, ${kind}, ${(network.bytes / 1e6).toFixed(1)} MB`;
  element("maps").disabled = network.kind !== "maps";
  element("back").hidden = !courseBytes || whose === "The course's network";
  if (stopCamera) return;
  if (last) await lookAtPicture();
  else say("The network is loaded: use the camera, or choose a picture.");
}

async function useOwn(file) {
  if (file.size > LARGEST) throw new Refused(`${file.name}: expected at most 128 MB, got ${Math.round(file.size / 2 ** 20)}`);
  await use(new Uint8Array(await file.arrayBuffer()), file.name, `Your network (${file.name})`);
}

let courseBytes = null;
const useCourses = () => use(courseBytes.slice(), "model.onnx", "The course's network");

// Drop, paste and choose: pictures and networks.

/** A file from anywhere: a network by its name, else a picture. */
async function take(file) {
  if (file.name?.toLowerCase().endsWith(".onnx")) return useOwn(file);
  if (!network) throw new Refused(NO_NETWORK);
  return showPicture(await readPicture(file, file.name || "the pasted picture"));
}

let drawn = null;

function connect() {
  element("camera").addEventListener("click", () => attempt(async () => (stopCamera ? endCamera() : await startCamera())));
  for (const id of ["picture", "model"]) {
    element(id).addEventListener("change", ({ target }) => {
      const [file] = target.files;
      if (!file) return;
      attempt(() => (id === "model" ? useOwn(file) : take(file)));
      target.value = ""; // the same file may be chosen again
    });
  }
  element("drawn").addEventListener("click", () => attempt(() => take(drawn)));
  element("back").addEventListener("click", () => attempt(useCourses));
  element("maps").addEventListener("change", () => last && show(last));
  document.addEventListener("dragover", (event) => event.preventDefault());
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    const [file] = event.dataTransfer.files;
    attempt(async () => {
      if (!file) throw new Refused("Drop a picture's file or a model.onnx, one at a time.");
      await take(file);
    });
  });
  document.addEventListener("paste", (event) => {
    const file = [...event.clipboardData.files][0];
    attempt(async () => {
      if (!file) throw new Refused("Paste a picture; there is none on the clipboard.");
      await take(file);
    });
  });
  for (const control of document.querySelectorAll("button, input")) control.disabled = control.id === "maps" && network?.kind !== "maps";
}

const bytesOf = async (name) => {
  const answer = await fetch(new URL(name, import.meta.url));
  if (!answer.ok) throw new Refused(`${name} is not beside this page (${answer.status}); load your own model.onnx below.`);
  return answer;
};

await attempt(async () => {
  try {
    drawn = new File([await (await bytesOf("face.jpg")).blob()], "face.jpg");
    courseBytes = new Uint8Array(await (await bytesOf("model.onnx")).arrayBuffer());
    await useCourses();
    await showPicture(await createImageBitmap(drawn));
  } finally {
    connect();
    element("drawn").disabled = !drawn;
    document.documentElement.dataset.ready = "";
  }
});
