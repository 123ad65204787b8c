// Unpacks poses and outlines; packed_tracks.py and packed_outlines.py say how they were packed.

const UNKNOWN = 127;
const ABSENT = 128;

/** The content of a base64 text of a zlib stream. */
async function inflated(text) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate'));
  return new Response(stream).arrayBuffer();
}

/** Where a person's rows begin among all rows, and where each of its stretches does. */
function numberRows(people) {
  let rows = 0;
  for (const person of people) {
    person.firstRow = rows;
    person.stretchRows = person.seen.map(([, count]) => (rows += count) - count);
    person.rows = rows - person.firstRow;
  }
  return rows;
}

/** When each frame begins, seconds. */
function unpackedTimes(buffer, frames, first) {
  const steps = new DataView(buffer);
  const times = new Float64Array(frames);
  let micro = 0;
  for (let i = 0; i < frames; i++) times[i] = first + (micro += steps.getInt32(4 * i, true)) / 1e6;
  return times;
}

function unpackedPlaces(low, high, columns, rows) {
  const places = new Int16Array(columns * rows);
  for (let column = 0, i = 0; column < columns; column++) {
    let place = 0;
    for (let row = 0; row < rows; row++, i++) {
      place = ((place + (low[i] | (high[i] << 8))) << 16) >> 16;
      places[i] = place;
    }
  }
  return places;
}

function unpackedMarks(steps, rows) {
  const marks = new Uint8Array(steps.length);
  for (let i = 0; i < steps.length; i++) marks[i] = i % rows ? marks[i - 1] + steps[i] : steps[i];
  return marks;
}

/** Everybody's boxes, joints and scores, by row. */
class Poses {
  constructor(buffer, joints, rows, times) {
    const columns = 4 + 2 * joints;
    const bytes = new Uint8Array(buffer);
    const cells = columns * rows;
    this.rows = rows;
    this.joints = joints;
    this.times = times;
    const low = bytes.subarray(0, cells);
    this.places = unpackedPlaces(low, bytes.subarray(cells, 2 * cells), columns, rows);
    this.marks = unpackedMarks(bytes.subarray(2 * cells), rows);
  }

  /** x1, y1, x2, y2 in pixels. */
  box(row) {
    return [0, 1, 2, 3].map((side) => this.places[side * this.rows + row] / 4);
  }

  /** x, y in pixels; null if the joint's place is not known. */
  joint(row, joint) {
    if (this.marks[joint * this.rows + row] & ABSENT) return null;
    const x = (4 + 2 * joint) * this.rows + row;
    return [this.places[x] / 4, this.places[x + this.rows] / 4];
  }

  /** A joint's score, 0 to 1; NaN if not known. */
  score(row, joint) {
    return this.mark(this.marks[joint * this.rows + row] & ~ABSENT);
  }

  mark(value) {
    return value === UNKNOWN ? NaN : value / 50;
  }

  filled(row) {
    return this.marks[(this.joints + 2) * this.rows + row] === 1;
  }
}

/** The outlines of everybody's masks, by row. */
class Outlines {
  constructor(buffer, rows) {
    const bytes = new Uint8Array(buffer);
    const counts = bytes.subarray(0, rows);
    this.firsts = startsOf(counts); // of each row's outlines
    const outlines = this.firsts[rows];
    const lengths = Array.from({ length: outlines }, (_, i) => bytes[rows + 2 * i] | (bytes[rows + 2 * i + 1] << 8));
    this.starts = startsOf(lengths); // of each outline's corners
    this.corners = this.starts[outlines];
    const places = bytes.subarray(rows + 2 * outlines);
    const half = 2 * this.corners;
    this.places = unpackedPlaces(places.subarray(0, half), places.subarray(half), 2, this.corners);
  }

  /** A path around a person's pixels, to be filled by even and odd; null if nobody knows them. */
  path(row) {
    const [first, last] = [this.firsts[row], this.firsts[row + 1]];
    if (first === last) return null;
    const path = new Path2D();
    for (let outline = first; outline < last; outline++) {
      for (let i = this.starts[outline]; i < this.starts[outline + 1]; i++) {
        path.lineTo(this.places[i] + 0.5, this.places[i + this.corners] + 0.5); // middles of pixels
      }
      path.closePath();
    }
    return path;
  }
}

/** Where each of several things begins that lie one behind the other, and the end. */
function startsOf(lengths) {
  const starts = [0];
  for (const length of lengths) starts.push(starts[starts.length - 1] + length);
  return starts;
}

/** The row of a person in a frame, -1 if it is not there. */
function rowOf(person, frame) {
  let low = 0;
  let high = person.seen.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (person.seen[middle][0] <= frame) low = middle + 1;
    else high = middle;
  }
  if (!low) return -1;
  const [first, count] = person.seen[low - 1];
  return frame < first + count ? person.stretchRows[low - 1] + frame - first : -1;
}

/** The frames of a person's rows, in their order. */
function framesOf(person) {
  return person.seen.flatMap(([first, count]) => Array.from({ length: count }, (_, i) => first + i));
}

function firstFrame(person) {
  return person.seen[0][0];
}

function lastFrame(person) {
  const [first, count] = person.seen[person.seen.length - 1];
  return first + count - 1;
}
