// Draws the people of a frame over its picture. Colours are those of the overlay.

const SIDES = { left: '#56b4e9', right: '#ff8c00', middle: '#f5f5f5' };
const TRAIL = 1.5; // seconds
const SURE = 0.5;
const TINT = 0.5;

class Drawing {
  constructor(facts, poses, outlines) {
    Object.assign(this, { facts, poses, outlines });
    this.canvas = byId('drawing');
    this.line = Math.max(1, Math.min(...facts.size) / 220);
    this.sides = facts.edges.map(([a, b]) => this.sideOf(a, b));
  }

  sideOf(a, b) {
    const { sides } = this.facts;
    return sides[a] === sides[b] ? sides[a] : 'middle';
  }

  /** Draw a frame. `show` says what: boxes, skeletons, names, trails, masks, only; `selected` is a set of ids. */
  draw(frame, show, selected) {
    const [height, width] = this.facts.size;
    const place = this.canvas.getBoundingClientRect();
    const context = sharpContext(this.canvas, place.width || width, place.height || height);
    context.scale((place.width || width) / width, (place.height || height) / height);
    context.lineJoin = context.lineCap = 'round';
    const people = this.peopleAt(frame).filter(([person]) => !show.only || selected.has(person.id));
    if (show.masks && this.outlines) for (const [person, row] of people) this.drawMask(context, person, row);
    if (show.trails) this.drawTrails(context, frame, show, selected);
    for (const [person, row] of people) {
      const chosen = selected.has(person.id);
      if (show.boxes || chosen) this.drawBox(context, person, row, chosen);
      if (show.skeletons) this.drawSkeleton(context, row);
    }
    if (show.names) for (const [person, row] of people) this.drawName(context, person, row);
    return people.map(([person]) => person);
  }

  peopleAt(frame) {
    return this.facts.people
      .map((person) => [person, rowOf(person, frame)])
      .filter(([, row]) => row >= 0);
  }

  drawMask(context, person, row) {
    const path = this.outlines.path(row);
    if (!path) return;
    context.globalAlpha = TINT;
    context.fillStyle = colourOf(person.id);
    context.fill(path, 'evenodd');
    context.globalAlpha = 1;
  }

  drawBox(context, person, row, chosen) {
    const [x1, y1, x2, y2] = this.poses.box(row);
    context.lineWidth = this.line * (chosen ? 2.4 : 1.2);
    context.setLineDash(this.poses.filled(row) ? [4 * this.line, 3 * this.line] : []);
    context.strokeStyle = colourOf(person.id);
    context.strokeRect(x1, y1, x2 - x1, y2 - y1);
    context.setLineDash([]);
  }

  /** Lines of small people are thinner. */
  lineOf(row) {
    const [, y1, , y2] = this.poses.box(row);
    return Math.min(this.line, Math.max(1, (y2 - y1) / 80));
  }

  drawSkeleton(context, row) {
    const line = this.lineOf(row);
    const places = this.facts.joints.map((_, joint) => this.poses.joint(row, joint));
    const sure = this.facts.joints.map((_, joint) => !(this.poses.score(row, joint) < SURE));
    this.facts.edges.forEach(([a, b], edge) => {
      if (!places[a] || !places[b]) return;
      this.drawLimb(context, places[a], places[b], SIDES[this.sides[edge]], sure[a] && sure[b], line);
    });
    places.forEach((place, joint) => {
      if (place) this.drawJoint(context, place, SIDES[this.facts.sides[joint]], sure[joint], line);
    });
  }

  drawLimb(context, from, to, colour, sure, line) {
    context.globalAlpha = sure ? 1 : 0.45;
    for (const [style, width] of [['rgba(0,0,0,0.6)', 2.6], [colour, 1.5]]) {
      context.strokeStyle = style;
      context.lineWidth = line * width;
      context.beginPath();
      context.moveTo(...from);
      context.lineTo(...to);
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  drawJoint(context, [x, y], colour, sure, line) {
    context.globalAlpha = sure ? 1 : 0.45;
    context.beginPath();
    context.arc(x, y, line * 1.6, 0, 2 * Math.PI);
    context.fillStyle = colour;
    context.fill();
    context.strokeStyle = 'rgba(0,0,0,0.7)';
    context.lineWidth = line * 0.5;
    context.stroke();
    context.globalAlpha = 1;
  }

  drawTrails(context, frame, show, selected) {
    const start = frameAt(this.poses.times, this.poses.times[frame] - TRAIL);
    for (const person of this.facts.people) {
      if (show.only && !selected.has(person.id)) continue;
      if (firstFrame(person) > frame || lastFrame(person) < start) continue;
      this.drawTrail(context, person, start, frame);
    }
  }

  drawTrail(context, person, start, frame) {
    const { times } = this.poses;
    let before = null;
    context.strokeStyle = colourOf(person.id);
    context.lineWidth = 1.6 * this.line;
    for (let at = start; at <= frame; at++) {
      const row = rowOf(person, at);
      if (row < 0) continue;
      const [x1, , x2, y2] = this.poses.box(row);
      const foot = [(x1 + x2) / 2, y2];
      context.globalAlpha = Math.max(0, 1 - (times[frame] - times[at]) / TRAIL);
      if (before) {
        context.beginPath();
        context.moveTo(...before);
        context.lineTo(...foot);
        context.stroke();
      }
      before = foot;
    }
    context.globalAlpha = 1;
  }

  drawName(context, person, row) {
    const [x1, y1] = this.poses.box(row);
    const size = Math.max(7 * this.line, 12 * this.unit());
    const text = shortLabel(person);
    context.font = `600 ${size}px system-ui, sans-serif`;
    const wide = context.measureText(text).width + 0.6 * size;
    const top = Math.max(0, y1 - 1.35 * size);
    const left = Math.max(0, Math.min(x1, this.facts.size[1] - wide));
    context.fillStyle = 'rgba(0,0,0,0.72)';
    context.fillRect(left, top, wide, 1.3 * size);
    context.fillStyle = colourOf(person.id);
    context.fillRect(left, top, 0.16 * size, 1.3 * size);
    context.fillStyle = '#ffffff';
    context.fillText(text, left + 0.35 * size, top + size);
  }

  /** Pixels of the video in one pixel of the page. */
  unit() {
    return this.facts.size[1] / (this.canvas.getBoundingClientRect().width || this.facts.size[1]);
  }

  /** The person with the smallest box around a place of the page; null if there is none. */
  personAt(event, frame) {
    const place = this.canvas.getBoundingClientRect();
    const x = ((event.clientX - place.left) / place.width) * this.facts.size[1];
    const y = ((event.clientY - place.top) / place.height) * this.facts.size[0];
    const around = this.peopleAt(frame)
      .map(([person, row]) => [person, this.poses.box(row)])
      .filter(([, [x1, y1, x2, y2]]) => x >= x1 && x <= x2 && y >= y1 && y <= y2)
      .sort(([, a], [, b]) => (a[2] - a[0]) * (a[3] - a[1]) - (b[2] - b[0]) * (b[3] - b[1]));
    return around.length ? around[0][0] : null;
  }
}
