// What is drawn: the picture, points, heat maps over it and one by one, the oval.

const POINT = "#3dff6e";
const tile = document.createElement("canvas");

/** Draw a picture with what was found in it. `shown`: { points, crop, maps, oval, mirrored }, each may be missing. */
export function drawView(view, picture, shown) {
  const { width, height } = picture;
  if (view.width !== width || view.height !== height) Object.assign(view, { width, height });
  const context = view.getContext("2d");
  context.save();
  if (shown.mirrored) context.transform(-1, 0, 0, 1, width, 0);
  context.drawImage(picture, 0, 0);
  if (shown.maps && shown.crop) drawMaps(context, shown.maps, shown.crop);
  if (shown.oval) drawOval(context, shown.oval);
  if (shown.points) drawPoints(context, shown.points, shown.crop);
  context.restore();
}

function inCrop(context, crop, work) {
  context.save();
  context.translate(crop.x, crop.y);
  context.rotate(crop.angle);
  work(crop.side);
  context.restore();
}

function drawPoints(context, points, crop) {
  inCrop(context, crop, (side) => {
    context.lineWidth = Math.max(1, side / 160);
    context.strokeStyle = "rgb(255 255 255 / 0.55)";
    context.strokeRect(-side / 2, -side / 2, side, side);
  });
  const radius = Math.max(2, crop.side / 70);
  for (const [x, y] of points) {
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = POINT;
    context.strokeStyle = "#000";
    context.lineWidth = radius / 2;
    context.stroke();
    context.fill();
  }
}

function drawOval(context, crop) {
  for (const [color, wide] of [["rgb(0 0 0 / 0.6)", 5], ["#fff", 2.5]]) {
    context.beginPath();
    context.ellipse(crop.x, crop.y, crop.side * 0.5, crop.side * 0.66, 0, 0, 2 * Math.PI);
    context.strokeStyle = color;
    context.lineWidth = wide;
    context.setLineDash([12, 8]);
    context.stroke();
  }
  context.setLineDash([]);
}

/** Colors from nothing over red to light yellow, for values from 0 to 1. */
function glow(image, at, value, solid) {
  image.data[at] = Math.min(255, 60 + 500 * value);
  image.data[at + 1] = Math.max(0, Math.min(255, 480 * value - 220));
  image.data[at + 2] = Math.max(0, 60 - 200 * value);
  image.data[at + 3] = solid ? 255 : Math.min(200, 420 * value);
}

function drawMaps(context, { side, values }, crop) {
  Object.assign(tile, { width: side, height: side });
  const drawing = tile.getContext("2d");
  const image = drawing.createImageData(side, side);
  const cells = side * side;
  const brightest = new Float32Array(cells);
  for (let start = 0; start < values.length; start += cells) {
    for (let cell = 0; cell < cells; cell++) brightest[cell] = Math.max(brightest[cell], values[start + cell]);
  }
  for (let cell = 0; cell < cells; cell++) glow(image, 4 * cell, Math.min(1, 4 * brightest[cell]), false);
  drawing.putImageData(image, 0, 0);
  inCrop(context, crop, (wide) => context.drawImage(tile, -wide / 2, -wide / 2, wide, wide));
}

/** Make a small canvas for the crop and one for each map, with their names below. -> a function that draws them. */
export function makePanel(panel, names) {
  const canvases = ["what the network sees", ...names.map((name) => name.replaceAll("_", " "))].map((name) => {
    const figure = document.createElement("figure");
    const canvas = document.createElement("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", name === "what the network sees" ? "The face cut out" : `Heat map: ${name}`);
    const caption = document.createElement("figcaption");
    caption.textContent = name;
    figure.append(canvas, caption);
    return [figure, canvas];
  });
  panel.replaceChildren(...canvases.map(([figure]) => figure));
  return (seen, maps) => {
    const first = canvases[0][1];
    Object.assign(first, { width: 96, height: 96 });
    first.getContext("2d").drawImage(seen, 0, 0);
    canvases.slice(1).forEach(([figure, canvas], k) => {
      figure.hidden = !maps;
      if (!maps) return;
      const { side, values } = maps;
      Object.assign(canvas, { width: side, height: side });
      const drawing = canvas.getContext("2d");
      const image = drawing.createImageData(side, side);
      const own = values.subarray(k * side * side, (k + 1) * side * side);
      for (let cell = 0; cell < own.length; cell++) glow(image, 4 * cell, Math.min(1, 4 * own[cell]), true);
      drawing.putImageData(image, 0, 0);
    });
  };
}
