// Puts the page together: the parts, and what clicks and keys do to them.

const LAYER_KEYS = { b: 'boxes', s: 'skeletons', n: 'names', t: 'trails', a: 'masks', o: 'only' };
const LAYERS = Object.values(LAYER_KEYS);
const KEYS = [
  ['space, k', 'play or pause'],
  ['left, right', 'a frame back or on; with shift ten'],
  ['home, end', 'first and last frame'],
  ['[, ]', 'doubtful links'],
  ['b s n t a o', 'boxes, skeletons, names, trails, masks, only selected'],
  ['+ − 0', 'zoom the timeline'],
  ['shift+click', 'select a second person'],
  ['escape', 'select nobody'],
];

class Report {
  /** Shows what needs no poses; `receive` brings these. */
  constructor(facts, times) {
    Object.assign(this, { facts, times, selected: [], drawing: null, panel: null });
    this.player = new Player(facts, times, (frame) => this.show(frame));
    const seek = (frame) => this.seek(frame);
    const select = (person, add) => this.select(person, add);
    this.timeline = new Timeline(facts, times, { onSeek: seek, onSelect: select });
    this.gallery = new Gallery(facts, times, (link) => this.openLink(link));
    this.events = new EventTable(facts, times, (event) => this.openEvent(event));
    this.people = peopleTable(facts, times, (person) => this.openPerson(person));
    if (facts.review) this.review = new Review(times, facts.people, () => ({ frame: this.player.frame, selected: this.selected }));
    this.connect();
    this.size(facts.size[1] / facts.size[0]);
    this.player.open((source) => this.opened(source));
  }

  connect() {
    byId('seek').max = this.times.length - 1;
    byId('seek').oninput = () => this.seek(Number(byId('seek').value));
    byId('back').onclick = () => this.player.step(-1);
    byId('forth').onclick = () => this.player.step(1);
    byId('play').onclick = () => this.player.toggle();
    byId('pace').onchange = () => this.player.setPace(Number(byId('pace').value));
    for (const layer of LAYERS) byId(`show-${layer}`).onchange = () => this.draw();
    byId('drawing').onclick = (event) => this.click(event);
    byId('keys').onclick = () => this.showKeys();
    document.addEventListener('keydown', (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(byId('stage'));
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.recolour());
    const keys = this.review ? [...KEYS, ...CORRECTIONS.map(([title, key, words]) => [key.toLowerCase(), `${title}: ${words}`])] : KEYS;
    definitions(byId('key-list'), keys);
  }

  /** The stage has the shape of the picture. */
  size(shape) {
    byId('stage').style.aspectRatio = String(shape);
    byId('stage').style.width = `min(100%, calc(74vh * ${shape}))`;
  }

  /** The poses are there now, and the outlines of people's masks, null if it has none. */
  receive(poses, outlines) {
    this.drawing = new Drawing(this.facts, poses, outlines);
    byId('masks-label').hidden = !outlines;
    this.panel = new PersonPanel(this.facts, poses, this.player);
    this.selectIds(this.selected);
    this.noteReady();
  }

  opened(source) {
    this.source = source;
    const note = byId('stage-note');
    const { video } = this.player;
    if (source && !source.picture) this.size(video.videoWidth / video.videoHeight);
    if (source && source.drawn) this.hideLayers();
    note.textContent = sourceNote(source, this.facts);
    note.hidden = !note.textContent;
    const kept = this.facts.review ? beforeCorrection() : null;
    this.selectIds(kept ? kept.selected : []);
    this.seek(kept ? kept.frame : 0);
    if (kept) tell(`Done: ${kept.words}`);
    this.noteReady();
  }

  /** Says that everything can be seen, for who drives the page by a program. */
  noteReady() {
    if (this.drawing && this.source !== undefined) document.body.dataset.ready = this.source ? this.source.url : 'none';
  }

  /** The overlay has everybody drawn already. */
  hideLayers() {
    for (const layer of ['boxes', 'skeletons', 'names', 'trails', 'masks']) byId(`show-${layer}`).checked = false;
  }

  seek(frame) {
    if (this.player.playing) this.player.pause();
    this.player.seek(frame);
  }

  show(frame) {
    this.draw();
    this.timeline.show(frame);
    const text = `frame ${numberOf(this.facts, frame)}, ${clockText(this.times[frame])}`;
    byId('moment').textContent = text;
    byId('seek').value = frame;
    byId('seek').setAttribute('aria-valuetext', text);
    if (this.review) this.review.update();
    if (this.panel) this.panel.redraw();
  }

  draw() {
    if (!this.drawing) return;
    const show = Object.fromEntries(LAYERS.map((layer) => [layer, byId(`show-${layer}`).checked]));
    const people = this.drawing.draw(this.player.frame, show, new Set(this.selected));
    const words = people.length ? people.slice(0, 20).map(labelOf).join(', ') : 'nobody';
    if (!this.player.playing) byId('drawing').setAttribute('aria-label', `In this frame: ${words}`);
  }

  select(person, add) {
    if (!person) this.selected = [];
    else if (!add) this.selected = [person.id];
    else if (this.selected.includes(person.id)) this.selected = this.selected.filter((id) => id !== person.id);
    else this.selected = [...this.selected.slice(-1), person.id];
    this.selectIds(this.selected);
    tell(this.selected.length ? `Selected: ${this.selected.map((id) => labelOf(this.personOf(id))).join(' and ')}` : 'Nobody selected');
  }

  selectIds(ids) {
    this.selected = ids.filter((id) => this.personOf(id));
    this.timeline.select(new Set(this.selected));
    if (!this.panel) return;
    if (this.selected.length) this.panel.show(this.personOf(this.selected[0]));
    else this.panel.clear();
    if (this.review) this.review.update();
    this.draw();
  }

  personOf(id) {
    return this.facts.people.find((person) => person.id === id);
  }

  click(event) {
    if (this.drawing) this.select(this.drawing.personAt(event, this.player.frame), event.shiftKey);
  }

  openLink(link) {
    this.select(this.personOf(link.id), false);
    this.seek(link.frames[1]);
  }

  openEvent(event) {
    if (event.person) this.select(event.person, false);
    this.seek(event.frame);
    byId('watch').scrollIntoView({ block: 'nearest' });
  }

  openPerson(person) {
    this.select(person, false);
    if (rowOf(person, this.player.frame) < 0) this.seek(firstFrame(person));
    byId('watch').scrollIntoView({ block: 'nearest' });
  }

  recolour() {
    this.timeline.draw();
    if (this.panel) this.panel.redraw();
  }

  showKeys() {
    const list = byId('key-list');
    list.hidden = !list.hidden;
    byId('keys').setAttribute('aria-expanded', !list.hidden);
  }

  key(event) {
    const typing = event.target.matches('input:not([type=checkbox]):not([type=range]), select');
    if (event.altKey || typing) return;
    if (this.review && this.review.key(event)) return event.preventDefault();
    if (event.ctrlKey || event.metaKey) return;
    const pressed = event.target.matches('button, summary, a, input[type=checkbox]') && event.key === ' ';
    const action = pressed ? null : this.action(event);
    if (!action) return;
    event.preventDefault();
    action();
  }

  action(event) {
    const many = event.shiftKey ? 10 : 1;
    const layer = LAYER_KEYS[event.key.toLowerCase()];
    if (layer) return () => byId(`show-${layer}`).click();
    return {
      ' ': () => this.player.toggle(),
      k: () => this.player.toggle(),
      ArrowLeft: () => this.player.step(-many),
      ArrowRight: () => this.player.step(many),
      Home: () => this.seek(0),
      End: () => this.seek(this.times.length - 1),
      '[': () => this.gallery.step(-1),
      ']': () => this.gallery.step(1),
      '+': () => this.timeline.zoom(0.5),
      '-': () => this.timeline.zoom(2),
      0: () => this.timeline.zoom(Infinity),
      Escape: () => this.select(null, false),
    }[event.key];
  }
}

function sourceNote(source, facts) {
  if (!source) {
    return 'This browser has no video to play here: the people are shown alone. `posetube render` makes an overlay that every browser plays; lay it beside this page.';
  }
  if (!source.drawn) return '';
  return facts.sources.length > 1
    ? 'This browser cannot play the source, or it is not there any more. This is the overlay, in which everybody is drawn already.'
    : 'This is the overlay, in which everybody is drawn already.';
}

/** What needs no poses is shown before they are unpacked. */
function showFacts(facts) {
  document.title = `${facts.name} - posetube`;
  byId('name').textContent = facts.name;
  byId('headline').textContent = `${peopleText(facts.people.length)}, ${framesText(facts.frames)}, ${facts.summary.State}`;
  definitions(byId('summary'), Object.entries(facts.summary));
  definitions(byId('settings'), Object.entries(facts.settings));
  listOf(byId('warnings'), 'Warnings', facts.warnings);
  listOf(byId('corrections'), 'Corrections', facts.corrections);
}

function listOf(place, title, texts) {
  if (!texts.length) return;
  place.replaceChildren(element('h3', {}, title), element('ul', {}, ...texts.map((text) => element('li', {}, text))));
}

/** The poses are the last and largest part of the page: what is before them is painted first. */
async function wholePage() {
  if (document.readyState === 'loading') {
    await new Promise((loaded) => document.addEventListener('DOMContentLoaded', loaded));
  }
  await new Promise((painted) => setTimeout(painted, 50));
}

async function main() {
  const facts = JSON.parse(byId('facts').textContent);
  showFacts(facts);
  await new Promise((painted) => setTimeout(painted, 0));
  if (!facts.frames) return showTrouble('This run has no frames.');
  const rows = numberRows(facts.people);
  const times = unpackedTimes(await inflated(byId('times').textContent), facts.frames, facts.first_time);
  window.report = new Report(facts, times);
  performance.mark('timeline');
  await wholePage();
  const poses = new Poses(await inflated(byId('packed').textContent), facts.joints.length, rows, times);
  const outlines = byId('outlines').textContent;
  window.report.receive(poses, outlines ? new Outlines(await inflated(outlines), rows) : null);
}

main().catch((error) => {
  showTrouble(`This page cannot show its data (${error.message}). A browser of 2023 or later is needed.`);
  throw error;
});
