// Pictures: from the camera, from a file, and the 96 x 96 grays that a network is shown.
import { Refused } from "./network.js";

const LONGEST = 1280; // pixels of a still picture's longer side

/** Ask for the camera and let `video` show it; throws Refused in a line. -> a function that stops it.
 * `gone` is called where the camera ends by itself. */
export async function openCamera(video, gone) {
  if (!navigator.mediaDevices?.getUserMedia) {
    throw new Refused("This page cannot reach a camera: browsers ask for https or localhost. Choose a picture instead.");
  }
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({
      video: { width: { ideal: 640 }, height: { ideal: 480 }, facingMode: "user" },
      audio: false,
    });
  } catch (error) {
    const why = {
      NotAllowedError: "The camera was not allowed; allow it in the browser's address bar, or choose a picture instead.",
      NotFoundError: "There is no camera; choose a picture instead.",
      NotReadableError: "Another program uses the camera; close it, or choose a picture instead.",
    };
    throw new Refused(why[error.name] ?? "The camera cannot be used; choose a picture instead.");
  }
  stream.getVideoTracks()[0].addEventListener("ended", gone);
  video.srcObject = stream;
  await video.play();
  return () => {
    stream.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
  };
}

/** Call `work` for each new frame of a playing video, one at a time; -> a function that ends it. */
export function eachFrame(video, work) {
  let over = false;
  const again = () => {
    if (over) return;
    if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(step);
    else requestAnimationFrame(step);
  };
  const step = async () => {
    if (over) return;
    if (video.videoWidth) await work();
    again();
  };
  again();
  return () => {
    over = true;
  };
}

/** Read a picture's file; throws Refused in a line. -> an ImageBitmap. */
export async function readPicture(blob, name) {
  const expected = "expected a picture such as JPEG, PNG or WebP";
  if (blob.size > 60 * 2 ** 20) throw new Refused(`${name}: expected a picture of at most 60 MB; choose a smaller one`);
  try {
    return await createImageBitmap(blob);
  } catch {
    throw new Refused(`${name}: ${expected}, got something that this browser cannot read`);
  }
}

/** Put a picture or a video's present frame on a canvas, which takes its size. */
export function putOn(canvas, source) {
  const [width, height] = [source.videoWidth || source.width, source.videoHeight || source.height];
  const scale = Math.min(1, LONGEST / Math.max(width, height));
  const [wide, high] = [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
  if (canvas.width !== wide || canvas.height !== high) Object.assign(canvas, { width: wide, height: high });
  canvas.getContext("2d").drawImage(source, 0, 0, wide, high);
}

/** Cuts crops out of a picture and turns them gray. */
export class Cutter {
  constructor() {
    this.canvas = Object.assign(document.createElement("canvas"), { width: 96, height: 96 });
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.context.imageSmoothingQuality = "high";
    this.gray = new Float32Array(96 * 96);
  }

  /** -> Float32Array of 96 * 96 values in [0, 1], the same one each time. */
  cut(picture, crop) {
    const { context, gray } = this;
    const scale = 96 / crop.side;
    const [cos, sin] = [Math.cos(crop.angle) * scale, Math.sin(crop.angle) * scale];
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#666";
    context.fillRect(0, 0, 96, 96);
    context.setTransform(
      cos, -sin, sin, cos,
      48 - cos * crop.x - sin * crop.y,
      48 + sin * crop.x - cos * crop.y,
    );
    context.drawImage(picture, 0, 0);
    const { data } = context.getImageData(0, 0, 96, 96);
    for (let i = 0; i < gray.length; i++) {
      gray[i] = (0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2]) / 255;
    }
    return gray;
  }
}
