'use strict';
// Makes elements. Data becomes text nodes and attributes that run nothing, never HTML.

function byId(id) {
  return document.getElementById(id);
}

/** An element with properties and children; texts become text nodes. */
function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** A canvas as sharp as the screen; returns its context, in CSS pixels. */
function sharpContext(canvas, width, height) {
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * scale));
  canvas.height = Math.max(1, Math.round(height * scale));
  const context = canvas.getContext('2d');
  context.setTransform(canvas.width / width, 0, 0, canvas.height / height, 0, 0);
  return context;
}

/** The value of one of the style's colours, as light or dark has it. */
function styleColour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** Says something to those who listen to the page. */
function tell(text) {
  byId('told').textContent = text;
}

function showTrouble(text) {
  const place = byId('trouble');
  place.textContent = text;
  place.hidden = !text;
}

const PALETTE = ['#f0e442', '#009e73', '#cc79a7', '#d55e00', '#0072b2', '#bebebe'];

/** As in the overlay. */
function colourOf(id) {
  return PALETTE[(id - 1 + PALETTE.length) % PALETTE.length];
}

function labelOf(person) {
  return person.name ? `${person.name} (${person.id})` : `Track ${person.id}`;
}

function peopleText(count) {
  return count === 1 ? '1 person' : `${count} people`;
}

function framesText(count) {
  return count === 1 ? '1 frame' : `${count} frames`;
}

function shortLabel(person) {
  return person.name || String(person.id);
}

/** A dot in a person's colour. */
function dotOf(person) {
  const dot = element('span', { className: 'dot' });
  dot.style.background = colourOf(person.id);
  return dot;
}
