// What is known of one person: when it was seen, how sure its joints are, how it moves.

// The angles of `posetube measure`: 0 for somebody who stands straight with hanging arms. Of two
// directions, each from a joint to the next; the trunk is the one from the shoulders to the hips.
const ANGLES = [
  ['knee', ['hip', 'knee'], ['knee', 'ankle']],
  ['elbow', ['shoulder', 'elbow'], ['elbow', 'wrist']],
  ['hip', ['hip', 'knee'], null],
  ['shoulder', ['shoulder', 'elbow'], null],
];
const SPEED_WINDOW = 0.2; // seconds over which a speed is measured

class PersonPanel {
  constructor(facts, poses, player) {
    Object.assign(this, { facts, poses, player });
    this.plots = [];
  }

  clear() {
    this.plots = [];
    byId('person-title').textContent = 'Nobody selected';
    byId('person-body').replaceChildren(
      element('p', { className: 'quiet' }, 'Click a person in the video, in the timeline or in a table.'),
    );
  }

  show(person) {
    const frames = framesOf(person);
    const rows = frames.map((_, i) => person.firstRow + i);
    byId('person-title').replaceChildren(dotOf(person), ` ${labelOf(person)}`);
    this.plots = [
      rows.length > 1 ? pathPlot(this.facts.size, rows.map((row) => this.foot(row)), colourOf(person.id)) : null,
      curvePlot('Speed', 'px/s', { frames, values: this.speeds(frames, rows) }, this.poses.times, this.player),
      ...this.anglePlots(frames, rows),
    ].filter(Boolean);
    const portrait = person.picture ? [element('img', { className: 'portrait', src: person.picture, alt: '' })] : [];
    byId('person-body').replaceChildren(
      ...portrait,
      this.factsOf(person),
      ...this.plots.map((plot) => plot.figure),
      element('h3', {}, 'Mean joint scores'),
      this.scoresOf(rows),
    );
  }

  /** Move the line of the present in the plots. */
  redraw() {
    for (const plot of this.plots) plot.redraw();
  }

  factsOf(person) {
    const { times } = this.poses;
    const facts = [
      ['Seen', `${spanText(timeOf(times, person.seen))}, ${clockText(times[firstFrame(person)])} to ${clockText(times[lastFrame(person)])}`],
      ['Frames', `${person.rows} (${person.filled.reduce((sum, [, count]) => sum + count, 0)} filled in)`],
      ['Gaps', String(person.seen.length - 1)],
      ['Mean score', person.score === null ? 'not known' : person.score.toFixed(2)],
    ];
    return definitions(element('dl'), facts);
  }

  foot(row) {
    const [x1, , x2, y2] = this.poses.box(row);
    return [(x1 + x2) / 2, y2];
  }

  centre(row) {
    const [x1, y1, x2, y2] = this.poses.box(row);
    return [(x1 + x2) / 2, (y1 + y2) / 2];
  }

  /** Of the middle of the box, pixels per second. */
  speeds(frames, rows) {
    const { times } = this.poses;
    return rows.map((row, i) => {
      let [from, to] = [i, i];
      while (from > 0 && frames[from - 1] === frames[from] - 1 && times[frames[i]] - times[frames[from]] < SPEED_WINDOW / 2) from--;
      while (to + 1 < rows.length && frames[to + 1] === frames[to] + 1 && times[frames[to]] - times[frames[i]] < SPEED_WINDOW / 2) to++;
      if (from === to) return NaN;
      const [a, b] = [this.centre(rows[from]), this.centre(rows[to])];
      return Math.hypot(b[0] - a[0], b[1] - a[1]) / (times[frames[to]] - times[frames[from]]);
    });
  }

  anglePlots(frames, rows) {
    const plots = [];
    for (const side of ['left', 'right']) {
      for (const [name, one, other] of ANGLES) {
        const values = rows.map((row) => angleBetween(this.limb(row, side, one), other ? this.limb(row, side, other) : this.trunk(row)));
        plots.push(curvePlot(`${side === 'left' ? 'Left' : 'Right'} ${name}`, '°', { frames, values }, this.poses.times, this.player));
      }
    }
    return plots;
  }

  named(row, name) {
    const joint = this.facts.joints.indexOf(name);
    return joint < 0 ? null : this.poses.joint(row, joint);
  }

  limb(row, side, [from, to]) {
    return direction(this.named(row, `${side}_${from}`), this.named(row, `${side}_${to}`));
  }

  trunk(row) {
    const middle = (part) => middleOf(this.named(row, `left_${part}`), this.named(row, `right_${part}`));
    return direction(middle('shoulder'), middle('hip'));
  }

  scoresOf(rows) {
    const list = element('div', { className: 'scores' });
    this.facts.joints.forEach((name, joint) => {
      const mean = meanOf(rows.map((row) => this.poses.score(row, joint)));
      const known = Number.isFinite(mean);
      const words = name.replaceAll('_', ' ');
      const meter = element('meter', { min: 0, max: 1, value: known ? mean : 0 });
      meter.setAttribute('aria-label', words);
      list.append(element('span', {}, words), meter, element('span', {}, known ? mean.toFixed(2) : '-'));
    });
    return list;
  }
}

/** Fill a list of definitions. */
function definitions(list, entries) {
  list.replaceChildren(...entries.flatMap(([term, text]) => [element('dt', {}, term), element('dd', {}, text)]));
  return list;
}

function middleOf(a, b) {
  return a && b ? [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] : null;
}

function direction(from, to) {
  return from && to ? [to[0] - from[0], to[1] - from[1]] : null;
}

/** Degrees, 0 to 180; NaN if a direction is not known. */
function angleBetween(a, b) {
  if (!a || !b) return NaN;
  const cross = a[0] * b[1] - a[1] * b[0];
  const dot = a[0] * b[0] + a[1] * b[1];
  return cross || dot ? Math.abs((Math.atan2(cross, dot) * 180) / Math.PI) : NaN;
}
