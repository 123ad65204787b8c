// Tables that can be sorted and filtered.

/** A table. columns: [title, cell(row), value to sort by (row) or null]. */
class SortedTable {
  constructor(place, columns, rows, onOpen, caption) {
    Object.assign(this, { place, columns, rows, onOpen, caption });
    this.by = -1;
    this.rising = true;
    this.draw();
  }

  sort(column) {
    this.rising = this.by === column ? !this.rising : true;
    this.by = column;
    this.draw();
    this.place.querySelectorAll('th button')[this.columns.slice(0, column).filter((one) => one[2]).length].focus();
  }

  sorted() {
    if (this.by < 0) return this.rows;
    const value = this.columns[this.by][2];
    const way = this.rising ? 1 : -1;
    return [...this.rows].sort((a, b) => (value(a) < value(b) ? -way : value(a) > value(b) ? way : 0));
  }

  draw() {
    const head = element('tr', {}, ...this.columns.map((column, place) => this.headCell(column, place)));
    const body = this.sorted().map((row) => this.line(row));
    this.place.replaceChildren(
      element('table', {},
        element('caption', { className: 'unseen' }, this.caption),
        element('thead', {}, head),
        element('tbody', {}, ...body)));
  }

  headCell([title, , value], place) {
    if (!value) return element('th', { scope: 'col' }, title);
    const arrow = this.by === place ? (this.rising ? ' ▲' : ' ▼') : '';
    const button = element('button', {}, title + arrow);
    button.onclick = () => this.sort(place);
    const cell = element('th', { scope: 'col' }, button);
    if (this.by === place) cell.setAttribute('aria-sort', this.rising ? 'ascending' : 'descending');
    return cell;
  }

  line(row) {
    const line = element('tr', {}, ...this.columns.map(([, cell]) => element('td', {}, cell(row))));
    if (this.onOpen) line.ondblclick = () => this.onOpen(row);
    return line;
  }
}

const SHORT = 0.5; // seconds: a track shorter than this is called short

/** Births, deaths, gaps, short tracks, cuts, lost frames. */
function eventsOf(facts, times) {
  const events = [];
  const last = times.length - 1;
  for (const person of facts.people) {
    if (firstFrame(person) > 0) events.push({ kind: 'births', frame: firstFrame(person), person, words: 'first seen' });
    if (lastFrame(person) < last) events.push({ kind: 'deaths', frame: lastFrame(person), person, words: 'last seen' });
    const seen = timeOf(times, person.seen);
    if (seen < SHORT) events.push({ kind: 'short tracks', frame: firstFrame(person), person, words: `only ${spanText(seen)}` });
    person.seen.slice(1).forEach(([first], i) => {
      const [before, count] = person.seen[i];
      events.push({ kind: 'gaps', frame: before + count - 1, person, words: `not seen until ${clockText(times[first])}` });
    });
  }
  for (const frame of facts.cuts) events.push({ kind: 'cuts', frame, words: 'a new scene begins' });
  for (const [first, count, state] of facts.lost) events.push({ kind: 'lost frames', frame: first, words: `${count} ${state}` });
  return events.sort((a, b) => a.frame - b.frame);
}

const MOST_EVENTS = 1000;

class EventTable {
  constructor(facts, times, onOpen) {
    this.times = times;
    this.onOpen = onOpen;
    this.events = eventsOf(facts, times);
    this.kinds = new Map();
    for (const { kind } of this.events) this.kinds.set(kind, (this.kinds.get(kind) || 0) + 1);
    this.wanted = new Set(this.kinds.keys());
    byId('event-kinds').replaceChildren(...[...this.kinds].map(([kind, count]) => this.choice(kind, count)));
    this.draw();
  }

  choice(kind, count) {
    const box = element('input', { type: 'checkbox', checked: true });
    box.onchange = () => {
      if (box.checked) this.wanted.add(kind);
      else this.wanted.delete(kind);
      this.draw();
    };
    return element('label', {}, box, ` ${kind} (${count})`);
  }

  draw() {
    if (!this.events.length) {
      byId('event-table').replaceChildren(element('p', { className: 'quiet' }, 'Everybody is there from the first frame to the last.'));
      return;
    }
    const shown = this.events.filter(({ kind }) => this.wanted.has(kind)).slice(0, MOST_EVENTS);
    new SortedTable(byId('event-table'), [
      ['Time', (event) => this.moment(event), (event) => event.frame],
      ['What', (event) => event.kind.replace(/s$/, ''), (event) => event.kind],
      ['Who', (event) => (event.person ? labelOf(event.person) : ''), (event) => (event.person ? event.person.id : -1)],
      ['', (event) => event.words, null],
    ], shown, this.onOpen, 'Events');
  }

  moment(event) {
    const button = element('button', {}, clockText(this.times[event.frame]));
    button.onclick = () => this.onOpen(event);
    return button;
  }
}

/** Everybody, with when and how well they were seen. */
function peopleTable(facts, times, onOpen) {
  const name = (person) => {
    const button = element('button', {}, dotOf(person), ` ${labelOf(person)}`);
    button.onclick = () => onOpen(person);
    return button;
  };
  const filled = (person) => person.filled.reduce((sum, [, count]) => sum + count, 0);
  const seen = (person) => timeOf(times, person.seen);
  const columns = [
    ['Who', name, (person) => person.id],
    ['First seen', (person) => clockText(times[firstFrame(person)]), firstFrame],
    ['Last seen', (person) => clockText(times[lastFrame(person)]), lastFrame],
    ['Time seen', (person) => spanText(seen(person)), seen],
    ['Frames', (person) => String(person.rows), (person) => person.rows],
    ['Filled in', (person) => String(filled(person)), filled],
    ['Gaps', (person) => String(person.seen.length - 1), (person) => person.seen.length],
    ['Mean score', (person) => (person.score === null ? '' : person.score.toFixed(2)), (person) => person.score ?? -1],
  ];
  if (facts.people.some((person) => person.picture)) {
    const picture = (person) =>
      person.picture ? element('img', { className: 'portrait-small', src: person.picture, alt: '' }) : '';
    columns.unshift(['', picture, null]);
  }
  return new SortedTable(byId('people-table'), columns, facts.people, onOpen, 'People');
}
