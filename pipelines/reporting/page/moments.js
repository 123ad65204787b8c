// Frames and their times.

/** A frame's index in its video: some were not looked at. */
function numberOf(facts, frame) {
  return facts.numbers.length ? facts.numbers[frame] : frame;
}

/** The frame that is shown at a time: the last one that began. */
function frameAt(times, time) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time) low = middle + 1;
    else high = middle;
  }
  return Math.max(0, low - 1);
}

/** A little after a frame's beginning, so that a player which rounds shows this frame. */
function insideFrame(times, frame) {
  const gap = frame + 1 < times.length ? times[frame + 1] - times[frame] : 0.01;
  return times[frame] + Math.min(0.0005, Math.max(0, gap) / 2);
}

function clockText(time) {
  const sign = time < 0 ? '-' : '';
  const whole = Math.abs(time);
  const minutes = Math.floor(whole / 60);
  const seconds = (whole - 60 * minutes).toFixed(3).padStart(minutes ? 6 : 5, '0');
  return minutes ? `${sign}${minutes}:${seconds}` : `${sign}${seconds} s`;
}

function spanText(seconds) {
  return seconds < 60 ? `${seconds.toFixed(2)} s` : clockText(seconds);
}

/** How long each of some frames lasts, together; the last frame of a video as long as the one before. */
function timeOf(times, stretches) {
  let sum = 0;
  for (const [first, count] of stretches) sum += endOf(times, first + count - 1) - times[first];
  return sum;
}

/** When a frame ends. */
function endOf(times, frame) {
  if (frame + 1 < times.length) return times[frame + 1];
  const last = times.length - 1;
  return times[last] + (last > 0 ? times[last] - times[last - 1] : 0.04);
}
