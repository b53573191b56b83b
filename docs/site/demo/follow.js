// Where to look: the crop that follows a face by the keypoints that were found in it.
//
// A crop is { x, y, side, angle }: the middle and the side of a turned square in pixels of the picture. Pixels are
// counted from their edges here: the middle of the first one is at 0.5. A network counts from the middles, so its
// answers are moved by half a pixel on the way in and out.

const SIZE = 96;

// The mean of the drawn faces, in pixels of the crop: what a face looks like where the crop sits well.
export const MEAN_FACE = {
  left_eye_center: [66.1, 38.0],
  right_eye_center: [30.8, 37.8],
  left_eye_inner_corner: [59.1, 38.5],
  left_eye_outer_corner: [72.9, 37.7],
  right_eye_inner_corner: [37.8, 38.3],
  right_eye_outer_corner: [24.0, 37.4],
  left_eyebrow_inner_end: [55.7, 28.5],
  left_eyebrow_outer_end: [79.8, 29.8],
  right_eyebrow_inner_end: [41.3, 28.4],
  right_eyebrow_outer_end: [17.2, 29.5],
  nose_tip: [48.3, 62.6],
  mouth_left_corner: [63.5, 72.4],
  mouth_right_corner: [33.0, 72.2],
  mouth_center_top_lip: [48.3, 69.8],
  mouth_center_bottom_lip: [48.2, 79.5],
};

/** A point of the crop, as a network counts, to the picture. */
export function toPicture(crop, [u, v]) {
  const scale = crop.side / SIZE;
  const [cos, sin] = [Math.cos(crop.angle) * scale, Math.sin(crop.angle) * scale];
  const [x, y] = [u + 0.5 - SIZE / 2, v + 0.5 - SIZE / 2];
  return [crop.x + cos * x - sin * y, crop.y + sin * x + cos * y];
}

/** The crop for a picture of which nothing is known: a face in the middle, as high as half of it. */
export function startCrop(width, height) {
  const side = 0.5 * Math.min(width, height * 1.2);
  return { x: width / 2, y: height / 2, side, angle: 0 };
}

/**
 * The crop in which the mean face lies best on the points found (least squares over shift, turn and size), and how
 * far the points are from it: `misfit`, the root of the mean square in pixels of that crop.
 */
export function fitCrop(names, points) {
  const known = names.map((name, k) => [MEAN_FACE[name], points[k]]).filter(([mean]) => mean);
  if (known.length < 3) return null;
  const middle = (axis, of) => known.reduce((sum, pair) => sum + pair[of][axis], 0) / known.length;
  const [mx, my, px, py] = [middle(0, 0), middle(1, 0), middle(0, 1), middle(1, 1)];
  let [along, across, size, spread] = [0, 0, 0, 0];
  for (const [[a, b], [x, y]] of known) {
    along += (a - mx) * (x - px) + (b - my) * (y - py);
    across += (a - mx) * (y - py) - (b - my) * (x - px);
    size += (a - mx) ** 2 + (b - my) ** 2;
    spread += (x - px) ** 2 + (y - py) ** 2;
  }
  const [cos, sin] = [along / size, across / size]; // scaled
  const scale = Math.hypot(cos, sin);
  if (!(scale > 0)) return null;
  const [dx, dy] = [(SIZE - 1) / 2 - mx, (SIZE - 1) / 2 - my];
  const crop = {
    x: px + cos * dx - sin * dy,
    y: py + sin * dx + cos * dy,
    side: scale * SIZE,
    angle: Math.atan2(sin, cos),
  };
  const left = Math.max(spread - size * scale * scale, 0);
  return { crop, misfit: Math.sqrt(left / known.length) / scale };
}

/** How much of each map lies in the 3 x 3 cells about its brightest one, averaged over the maps. */
export function sharpness({ side, values }) {
  const cells = side * side;
  let total = 0;
  for (let start = 0; start < values.length; start += cells) {
    let best = 0;
    for (let cell = 1; cell < cells; cell++) if (values[start + cell] > values[start + best]) best = cell;
    const [row, column] = [Math.floor(best / side), best % side];
    for (let r = Math.max(row - 1, 0); r <= Math.min(row + 1, side - 1); r++) {
      for (let c = Math.max(column - 1, 0); c <= Math.min(column + 1, side - 1); c++) {
        total += values[start + r * side + c];
      }
    }
  }
  return total / (values.length / cells);
}

const FARTHEST = 7; // pixels: faces turned far, with open mouths, lie within 5 of the mean face

/**
 * Judge what a network found in a crop: -> { found, score, crop, points, sharpness }. `crop` is where to look next,
 * `points` lie in the picture, `score` is larger the surer.
 */
export function judge(network, answer, crop, picture) {
  const points = answer.points.map((point) => toPicture(crop, point));
  const fitted = fitCrop(network.names, points);
  const sharp = answer.maps ? sharpness(answer.maps) : null;
  if (!fitted) return { found: false, score: -Infinity, crop, points, sharpness: sharp };
  const next = fitted.crop;
  const inside = next.x > 0 && next.y > 0 && next.x < picture.width && next.y < picture.height;
  const moved = Math.hypot(next.x - crop.x, next.y - crop.y) / crop.side;
  const grown = next.side / crop.side;
  // A network that is shown half a face guesses the other half: what it finds must lie where it looked.
  const near = moved < 0.35 && grown > 0.55 && grown < 1.7 && Math.abs(next.angle - crop.angle) < 0.6;
  const upright = Math.abs(next.angle) < 1.1;
  const sharpEnough = sharp === null || sharp > network.sharpnessLimit;
  const likely = inside && near && upright && fitted.misfit < FARTHEST && next.side > 24;
  const score = (sharp ?? 0.5) - 0.06 * fitted.misfit - 0.5 * moved;
  return { found: likely && sharpEnough, likely, score, crop: next, points, sharpness: sharp, misfit: fitted.misfit };
}

const PATIENCE = 4; // frames that a face may be missed in before it is looked for elsewhere
const ABOUT = [[-0.35, 0], [0.35, 0], [0, -0.3], [0, 0.3], [-0.7, 0], [0.7, 0]]; // places about the oval, in its sides

const pick = (list, turn) => list[turn % list.length];
const blend = (from, to, share) => from + share * (to - from);

/** Follows one face from frame to frame; `crop` is where to look in the next. */
export class Follower {
  constructor() {
    this.reset();
  }

  reset() {
    this.crop = null;
    this.missed = Infinity; // frames since a face was found
    this.tried = 0;
  }

  /** Whether there is no face to follow. */
  get lost() {
    return !this.crop || this.missed >= PATIENCE;
  }

  /** Where to look in a picture of this size; while the face is lost, another place each time. */
  next(width, height) {
    if (!this.lost) return this.crop;
    const start = startCrop(width, height);
    const [turn, kind] = [Math.floor(this.tried / 3), this.tried % 3];
    this.tried++;
    // In turn: the oval, where the face was last, and other places about the oval; each in several sizes.
    if (kind === 0) return { ...start, side: start.side * pick([1, 0.75, 1.3], turn) };
    if (kind === 1 && this.crop) return { ...this.crop, angle: 0, side: this.crop.side * pick([1, 1.15, 0.87], turn) };
    const [right, down] = pick(ABOUT, turn);
    const side = start.side * pick([0.7, 1, 1.4], Math.floor(turn / ABOUT.length) + (kind === 1 ? 1 : 0));
    return { x: start.x + right * start.side, y: start.y + down * start.side, side, angle: 0 };
  }

  /** Take in what was found in the crop that `next` gave. */
  update(verdict) {
    if (!verdict.found) {
      this.missed++;
      return;
    }
    const { crop } = verdict;
    const fresh = this.lost;
    // A crop that follows at once trembles with the points, one that is slow falls behind a face in motion.
    const share = fresh ? 1 : 0.6;
    this.crop = fresh
      ? crop
      : {
          x: blend(this.crop.x, crop.x, share),
          y: blend(this.crop.y, crop.y, share),
          side: blend(this.crop.side, crop.side, 0.4),
          angle: blend(this.crop.angle, crop.angle, 0.4),
        };
    this.missed = 0;
  }
}

/** Places to look for a face in a still picture, from large to small. */
export function* places(width, height) {
  yield startCrop(width, height);
  const short = Math.min(width, height);
  for (const part of [0.95, 0.75, 0.6, 0.45, 0.35]) {
    const side = part * short;
    const step = side / 4;
    const [across, down] = [Math.round((width - side) / step), Math.round((height - side) / step)];
    for (let row = 0; row <= down; row++) {
      for (let column = 0; column <= across; column++) {
        const at = (n, of, length) => (of ? side / 2 + (n * (length - side)) / of : length / 2);
        yield { x: at(column, across, width), y: at(row, down, height), side, angle: 0 };
      }
    }
  }
}
