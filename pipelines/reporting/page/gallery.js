// The doubtful links: what the linker saw before and after, and how clear it was.

class Gallery {
  /** onOpen(link): somebody wants to see it in the video. */
  constructor(facts, times, onOpen) {
    this.facts = facts;
    this.links = facts.links;
    this.times = times;
    this.onOpen = onOpen;
    this.current = -1;
    const people = new Map(facts.people.map((person) => [person.id, person]));
    this.cards = this.links.map((link, place) => this.card(link, place, people.get(link.id)));
    byId('cards').replaceChildren(...this.cards);
    byId('doubts-note').textContent = this.links.length
      ? 'The most doubtful first: here an id may have jumped to another person. Keys [ and ] go through them.'
      : 'There are none to show.';
  }

  card(link, place, person) {
    const [before, after] = link.frames.map((frame) => this.times[frame]);
    const words = element('div', { className: 'words' },
      element('b', {}, dotOf(person), ` ${labelOf(person)}`),
      `${clockText(before)} to ${clockText(after)}, frames ${link.frames.map((frame) => numberOf(this.facts, frame)).join(' to ')}`,
      element('br'),
      doubtWords(link));
    const card = element('button', { className: 'card' }, ...this.sides(link), words);
    card.onclick = () => this.open(place);
    return card;
  }

  sides(link) {
    if (!link.before && !link.after) return [];
    const side = (source, words) => (source ? element('img', { src: source, alt: words }) : element('span'));
    return [element('div', { className: 'sides' }, side(link.before, 'before'), side(link.after, 'after'))];
  }

  open(place) {
    if (!this.links.length) return;
    this.current = (place + this.links.length) % this.links.length;
    this.cards.forEach((card, i) => card.setAttribute('aria-pressed', i === this.current));
    this.onOpen(this.links[this.current]);
  }

  step(steps) {
    this.open(this.current < 0 ? 0 : this.current + steps);
  }
}

function doubtWords(link) {
  const cost = link.cost === null ? '' : `cost ${link.cost.toFixed(3)}${link.gate === null ? '' : ` of at most ${link.gate.toFixed(3)}`}; `;
  if (link.margin === null) return `${cost}no rival`;
  const dearer = link.margin >= 0 ? 'dearer' : 'cheaper';
  return `${cost}next best ${Math.abs(link.margin).toFixed(3)} ${dearer}`;
}
