// A lane per person over time: where it was seen, filled in, doubtful; cuts and lost frames.

const LANE = 22;
const MOST_LANES = 600; // browsers limit the height of a canvas

class Timeline {
  /** onSeek(frame), onSelect(person, add): what clicks do. */
  constructor(facts, times, { onSeek, onSelect }) {
    this.facts = facts;
    this.times = times;
    this.onSeek = onSeek;
    this.onSelect = onSelect;
    this.span = [times[0], endOf(times, times.length - 1)];
    this.view = [...this.span];
    this.frame = 0;
    this.selected = new Set();
    this.doubts = new Map();
    for (const link of facts.links) this.noteDoubt(link);
    byId('lane-canvas').onclick = (event) => this.click(event);
    byId('ruler').onclick = (event) => onSeek(this.frameUnder(event));
    byId('lanes').addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    byId('zoom-in').onclick = () => this.zoom(0.5);
    byId('zoom-out').onclick = () => this.zoom(2);
    byId('zoom-all').onclick = () => this.zoom(Infinity);
    byId('find').oninput = byId('least').oninput = () => this.filter();
    new ResizeObserver(() => this.draw()).observe(byId('lane-area'));
    this.drawLegend();
    this.filter();
  }

  noteDoubt(link) {
    this.doubts.set(link.id, [...(this.doubts.get(link.id) || []), link.frames[1]]);
  }

  filter() {
    const words = byId('find').value.trim().toLowerCase();
    const least = Number(byId('least').value) || 0;
    const fits = (person) =>
      (!words || String(person.id) === words || person.name.toLowerCase().includes(words)) &&
      timeOf(this.times, person.seen) >= least;
    const found = this.facts.people.filter(fits);
    this.people = found.slice(0, MOST_LANES);
    const all = this.facts.people.length;
    byId('shown').textContent = found.length === all ? peopleText(all) : `${found.length} of ${peopleText(all)}`;
    this.listNames();
    this.draw();
  }

  listNames() {
    this.buttons = this.people.map((person) => {
      const button = element('button', { title: labelOf(person) }, dotOf(person), shortLabel(person));
      button.setAttribute('aria-label', labelOf(person));
      button.onclick = (event) => this.onSelect(person, event.shiftKey);
      return button;
    });
    byId('lane-names').replaceChildren(...this.buttons.map((button) => element('li', {}, button)));
    this.markSelected();
  }

  select(selected) {
    this.selected = selected;
    this.markSelected();
    this.draw();
  }

  markSelected() {
    this.people.forEach((person, lane) => {
      this.buttons[lane].setAttribute('aria-pressed', this.selected.has(person.id));
    });
  }

  x(time) {
    return ((time - this.view[0]) / (this.view[1] - this.view[0])) * this.width;
  }

  draw() {
    this.width = byId('lane-area').clientWidth;
    if (!this.width || !this.people) return;
    const height = Math.max(1, this.people.length) * LANE;
    const canvas = byId('lane-canvas');
    canvas.style.height = `${height}px`;
    const context = sharpContext(canvas, this.width, height);
    this.people.forEach((person, lane) => this.drawLane(context, person, lane * LANE));
    this.drawCuts(context, height);
    this.drawRuler();
    this.movePlayhead();
  }

  drawLane(context, person, top) {
    if (this.selected.has(person.id)) {
      context.fillStyle = styleColour('soft');
      context.fillRect(0, top, this.width, LANE);
    }
    context.fillStyle = styleColour('line');
    context.fillRect(0, top + LANE - 1, this.width, 1);
    context.fillStyle = colourOf(person.id);
    for (const stretch of person.seen) this.bar(context, stretch, top + 6, LANE - 12);
    // filled in: the bar is hollow there
    context.fillStyle = styleColour('card');
    for (const stretch of person.filled) this.bar(context, stretch, top + 8, LANE - 16);
    context.fillStyle = styleColour('bad');
    for (const frame of this.doubts.get(person.id) || []) {
      context.beginPath();
      context.arc(this.x(this.times[frame]), top + LANE / 2, 3, 0, 2 * Math.PI);
      context.fill();
    }
  }

  bar(context, [first, count], top, height) {
    const start = this.x(this.times[first]);
    const stop = this.x(endOf(this.times, first + count - 1));
    if (stop >= 0 && start <= this.width) context.fillRect(start, top, Math.max(1, stop - start), height);
  }

  drawCuts(context, height) {
    context.strokeStyle = styleColour('quiet');
    context.setLineDash([4, 3]);
    context.beginPath();
    for (const frame of this.facts.cuts) {
      context.moveTo(this.x(this.times[frame]), 0);
      context.lineTo(this.x(this.times[frame]), height);
    }
    context.stroke();
    context.setLineDash([]);
  }

  drawRuler() {
    const context = sharpContext(byId('ruler'), this.width, 24);
    context.fillStyle = styleColour('bad');
    for (const [first, count] of this.facts.lost) this.bar(context, [first, count], 18, 6);
    context.fillStyle = context.strokeStyle = styleColour('quiet');
    context.font = '12px system-ui, sans-serif';
    const step = tickStep((this.view[1] - this.view[0]) * (90 / this.width));
    for (let tick = Math.ceil(this.view[0] / step) * step; tick <= this.view[1]; tick += step) {
      const x = this.x(tick);
      context.fillRect(x, 14, 1, 10);
      if (x < this.width - 30) context.fillText(tickText(tick, step), x + 3, 12);
    }
  }

  movePlayhead() {
    const x = this.x(this.times[this.frame]);
    const head = byId('playhead');
    head.style.transform = `translateX(${Math.min(this.width, Math.max(0, x))}px)`;
    head.hidden = x < -1 || x > this.width + 1;
  }

  show(frame) {
    this.frame = frame;
    const time = this.times[frame];
    const length = this.view[1] - this.view[0];
    if (time < this.view[0] || time > this.view[1]) {
      this.look(time - length * 0.1, length);
      this.draw();
    } else this.movePlayhead();
  }

  /** Zoom around the playhead. */
  zoom(factor, around = this.times[this.frame]) {
    const whole = this.span[1] - this.span[0];
    const length = Math.min(whole, Math.max(0.2, (this.view[1] - this.view[0]) * factor));
    const share = (around - this.view[0]) / (this.view[1] - this.view[0]);
    this.look(around - share * length, length);
    this.draw();
  }

  look(start, length) {
    const from = Math.max(this.span[0], Math.min(start, this.span[1] - length));
    this.view = [from, from + length];
  }

  wheel(event) {
    if (event.ctrlKey) {
      event.preventDefault();
      this.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.timeUnder(event));
    } else if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      event.preventDefault();
      const length = this.view[1] - this.view[0];
      this.look(this.view[0] + ((event.deltaX || event.deltaY) / this.width) * length, length);
      this.draw();
    }
  }

  timeUnder(event) {
    const place = byId('lane-area').getBoundingClientRect();
    const share = (event.clientX - place.left) / place.width;
    return this.view[0] + share * (this.view[1] - this.view[0]);
  }

  frameUnder(event) {
    return frameAt(this.times, this.timeUnder(event));
  }

  click(event) {
    const lane = Math.floor((event.clientY - byId('lane-canvas').getBoundingClientRect().top) / LANE);
    if (this.people[lane]) this.onSelect(this.people[lane], event.shiftKey);
    this.onSeek(this.frameUnder(event));
  }

  drawLegend() {
    const entry = (kind, words) => element('span', {}, element('i', { className: kind }), words);
    const entries = [entry('seen', 'seen'), entry('filled', 'filled in')];
    if (this.facts.links.length) entries.push(entry('doubt', 'doubtful link'));
    if (this.facts.cuts.length) entries.push(entry('cut', 'cut'));
    if (this.facts.lost.length) entries.push(entry('lost', 'lost frames'));
    byId('legend').replaceChildren(...entries);
  }
}

/** A round number of seconds, at least this many. */
function tickStep(least) {
  const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600];
  return steps.find((step) => step >= least) || 3600 * Math.ceil(least / 3600);
}

function tickText(time, step) {
  if (step >= 60 || time >= 600) return `${Math.floor(time / 60)}:${String(Math.round(time % 60)).padStart(2, '0')}`;
  return `${time.toFixed(step >= 1 ? 0 : step >= 0.1 ? 1 : 2)} s`;
}
