// Small plots over time, and of a path over the picture.

const PLOT_HEIGHT = 64;

/** A figure with its caption; draw(context, width, height) fills its canvas. */
function plotFigure(title, words, draw, height = PLOT_HEIGHT) {
  const canvas = element('canvas', {});
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', `${title}: ${words}`);
  const caption = element('figcaption', {}, element('span', {}, title), element('span', {}, words));
  const figure = element('figure', { className: 'plot' }, caption, canvas);
  const redraw = () => {
    const width = canvas.clientWidth;
    if (width) draw(sharpContext(canvas, width, height), width, height);
  };
  canvas.style.height = `${height}px`;
  new ResizeObserver(redraw).observe(canvas);
  return { figure, canvas, redraw };
}

function rangeOf(values) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of values) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

function meanOf(values) {
  const known = values.filter(Number.isFinite);
  return known.length ? known.reduce((sum, value) => sum + value, 0) / known.length : NaN;
}

/** A curve with gaps where values are not known or frames are missing; clicks seek. */
function curvePlot(title, unit, series, times, player) {
  const known = series.values.filter(Number.isFinite);
  if (!known.length) return null;
  const [low, high] = rangeOf(known);
  const digits = high - low < 5 && unit !== '°' ? 2 : 0;
  const mean = meanOf(known).toFixed(digits);
  const words = known.length === 1 ? `${mean} ${unit}` : `${low.toFixed(digits)} to ${high.toFixed(digits)} ${unit}, mean ${mean}`;
  const [start, stop] = [times[series.frames[0]], times[series.frames[series.frames.length - 1]]];
  const length = Math.max(1e-6, stop - start);
  const made = plotFigure(title, words, (context, width, height) => {
    const x = (time) => 2 + ((time - start) / length) * (width - 4);
    const y = (value) => height - 4 - ((value - low) / Math.max(1e-6, high - low)) * (height - 8);
    drawCurve(context, series, times, x, y);
    context.fillStyle = styleColour('quiet');
    const now = x(times[player.frame]);
    if (now >= 0 && now <= width) context.fillRect(now - 0.5, 0, 1, height);
  });
  made.canvas.hidden = series.frames.length === 1; // a number says it all
  made.canvas.onclick = (event) => {
    const share = (event.offsetX - 2) / (made.canvas.clientWidth - 4);
    player.seek(frameAt(times, start + share * length + 1e-6));
  };
  return made;
}

function drawCurve(context, { frames, values }, times, x, y) {
  context.strokeStyle = styleColour('accent');
  context.lineWidth = 1.5;
  context.lineJoin = 'round';
  context.beginPath();
  let joined = false;
  frames.forEach((frame, i) => {
    if (!Number.isFinite(values[i])) return (joined = false);
    if (joined && frame === frames[i - 1] + 1) context.lineTo(x(times[frame]), y(values[i]));
    else context.moveTo(x(times[frame]) - 0.5, y(values[i]));
    if (!joined) context.lineTo(x(times[frame]) + 0.5, y(values[i]));
    joined = true;
  });
  context.stroke();
}

/** Where somebody went, over the picture's area; early is faint, late is strong. */
function pathPlot(size, path, colour) {
  const [height, width] = size;
  const words = `from ${placeText(path[0])} to ${placeText(path[path.length - 1])} px`;
  const made = plotFigure('Path of the feet', words, (context, wide, high) => {
    const scale = Math.min(wide / width, high / height);
    context.translate((wide - width * scale) / 2, 0);
    context.strokeStyle = styleColour('line');
    context.strokeRect(0.5, 0.5, width * scale - 1, height * scale - 1);
    context.lineWidth = 2;
    context.lineCap = 'round';
    context.strokeStyle = colour;
    for (let i = 1; i < path.length; i++) {
      context.globalAlpha = 0.25 + (0.75 * i) / path.length;
      context.beginPath();
      context.moveTo(path[i - 1][0] * scale, path[i - 1][1] * scale);
      context.lineTo(path[i][0] * scale, path[i][1] * scale);
      context.stroke();
    }
  }, 150);
  made.figure.classList.add('path');
  return made;
}

function placeText([x, y]) {
  return `${Math.round(x)}, ${Math.round(y)}`;
}
