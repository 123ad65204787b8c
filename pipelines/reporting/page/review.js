// Corrections, where the page is served by `posetube review`.

const CORRECTIONS = [
  ['Merge', 'm', 'the second selected becomes part of the first'],
  ['Split here', 'x', 'a new track from this frame on'],
  ['Swap from here', 'w', 'the two selected change places from this frame on'],
  ['Delete', 'Delete', 'the selected track'],
  ['Rename', 'r', 'the selected track'],
  ['Undo', 'Ctrl+Z', 'the last correction'],
  ['Redo', 'Ctrl+Y', 'what was undone'],
];

class Review {
  /** state() gives the frame and the selected ids, in the order in which they were selected. */
  constructor(times, people, state) {
    Object.assign(this, { times, people, state });
    const place = byId('review');
    place.hidden = false;
    this.buttons = CORRECTIONS.map(([title, key, words]) => this.button(title, key, words));
    place.replaceChildren(...this.buttons);
    this.update();
  }

  button(title, key, words) {
    const button = element('button', { title: words }, title, element('kbd', {}, key));
    button.onclick = () => this.run(title);
    return button;
  }

  /** How the correction is spelled for `posetube edit`; null if it cannot be made of what is selected. */
  words(title) {
    const { frame, selected } = this.state();
    const [one, two] = selected;
    const at = `@${this.times[frame].toFixed(6)}s`;
    const pair = selected.length === 2;
    const single = selected.length === 1;
    return {
      Merge: pair ? `merge ${one} ${two}` : null,
      'Split here': single ? `split ${one} ${at}` : null,
      'Swap from here': pair ? `swap ${one} ${two} ${at}` : null,
      Delete: single ? `delete ${one}` : null,
      Rename: single ? `rename ${one}` : null,
      Undo: 'undo',
      Redo: 'redo',
    }[title];
  }

  update() {
    this.buttons.forEach((button, i) => {
      button.disabled = this.busy || this.words(CORRECTIONS[i][0]) === null;
    });
  }

  async run(title) {
    let words = this.words(title);
    if (!words || this.busy) return;
    if (title === 'Rename') {
      const person = this.people.find(({ id }) => id === this.state().selected[0]);
      const name = window.prompt(`Name of track ${person.id}`, person.name);
      if (!name || !name.trim()) return;
      words += ` ${name.trim()}`;
    }
    await this.send(words);
  }

  async send(words) {
    this.busy = true;
    this.update();
    tell(`${words} ...`);
    try {
      const answer = await fetch('edit', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ words }) });
      const result = await answer.json();
      if (!answer.ok) throw new Error(result.error);
      this.reload(words);
    } catch (error) {
      this.busy = false;
      this.update();
      showTrouble(error.message || 'posetube review does not answer any more');
    }
  }

  /** Show the page anew, at the same frame. */
  reload(words) {
    const { frame, selected } = this.state();
    sessionStorage.setItem('posetube', JSON.stringify({ frame, selected, words }));
    location.reload();
  }

  /** Returns whether the key was a correction. */
  key(event) {
    const control = event.ctrlKey || event.metaKey;
    const pressed = event.key.toLowerCase();
    const undo = control && pressed === 'z' && !event.shiftKey;
    const redo = control && (pressed === 'y' || (pressed === 'z' && event.shiftKey));
    if (undo) this.run('Undo');
    else if (redo) this.run('Redo');
    else if (control) return false;
    else {
      const found = CORRECTIONS.find(([, key]) => key.toLowerCase() === pressed);
      if (!found) return false;
      this.run(found[0]);
    }
    return true;
  }
}

/** Where somebody was before a correction; null on a first visit. */
function beforeCorrection() {
  const kept = sessionStorage.getItem('posetube');
  sessionStorage.removeItem('posetube');
  return kept ? JSON.parse(kept) : null;
}
