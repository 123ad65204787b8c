// Shows the video, or nothing where there is none, and tells which frame is on the screen.

const EXACT = 'requestVideoFrameCallback' in HTMLVideoElement.prototype;
const ROUNDING = 0.0002;

class Player {
  /** onFrame(frame) is called whenever another frame is on the screen. */
  constructor(facts, times, onFrame) {
    this.video = byId('video');
    this.still = byId('still');
    this.sources = facts.sources;
    this.times = times;
    this.onFrame = onFrame;
    this.frame = 0;
    this.source = null;
    this.shift = 0; // the run's time less the player's
    this.playing = false;
    this.pace = 1;
    this.started = null; // of a clock of its own, where there is no video
  }

  /** Try the sources in turn; onReady(source or null) once one plays. */
  open(onReady, place = 0) {
    const source = this.sources[place];
    this.video.hidden = this.still.hidden = true;
    if (!source) return this.choose(null, onReady);
    const next = () => this.open(onReady, place + 1);
    if (source.picture) return this.openPicture(source, onReady, next);
    this.video.onerror = next;
    this.video.onloadeddata = () => {
      this.video.onloadeddata = this.video.onerror = null;
      if (this.video.videoWidth) this.choose(source, onReady);
      else next();
    };
    if (EXACT) this.watch(source);
    this.video.src = source.url;
    this.video.load();
  }

  openPicture(source, onReady, next) {
    this.still.onerror = next;
    this.still.onload = () => {
      this.still.hidden = false;
      this.choose(source, onReady);
    };
    this.still.src = source.url;
  }

  choose(source, onReady) {
    this.source = source;
    if (source && !source.picture) {
      this.video.hidden = false;
      this.video.onseeked = () => this.arrived();
      this.video.onplay = this.video.onpause = () => this.noteState();
      this.video.onended = () => this.noteState();
      if (!EXACT) this.watchClock();
    }
    onReady(source);
  }

  get plays() {
    return Boolean(this.source) && !this.source.picture;
  }

  /** Follow the frames that the browser puts on the screen. */
  watch(source) {
    const presented = (now, what) => {
      if (this.video.currentSrc && this.source && this.source !== source) return;
      if (this.settled !== source) this.settle(source, what.mediaTime);
      const frame = frameAt(this.times, what.mediaTime + this.shift + ROUNDING);
      this.video.dataset.presented = frame;
      if (this.playing) this.advance(frame, what.mediaTime);
      this.video.requestVideoFrameCallback(presented);
    };
    this.video.requestVideoFrameCallback(presented);
  }

  /** The first frame tells how the player's clock and the run's differ. */
  settle(source, time) {
    this.settled = source;
    const shift = source.begin === null || this.video.currentTime > time + 1 ? 0 : source.begin - time;
    this.shift = Math.abs(shift) > ROUNDING ? shift : 0;
  }

  watchClock() {
    const tick = () => {
      const time = this.video.currentTime;
      if (this.playing) this.advance(frameAt(this.times, time + this.shift), time);
      requestAnimationFrame(tick);
    };
    tick();
  }

  /** While playing: the video may go on behind the run's last frame, of which nothing is known. */
  advance(frame, time) {
    const last = this.times.length - 1;
    if (time + this.shift <= this.times[last] + ROUNDING) return this.show(frame);
    this.pause();
    this.seek(last);
  }

  show(frame) {
    this.frame = frame;
    this.onFrame(frame);
  }

  /** Go to a frame; while the player is on its way, only the last wish counts. */
  seek(frame) {
    const wanted = Math.min(this.times.length - 1, Math.max(0, frame));
    if (!this.plays) {
      this.started = null;
      return this.show(wanted);
    }
    this.frame = wanted;
    if (this.video.seeking) return;
    this.sought = wanted;
    this.video.currentTime = insideFrame(this.times, wanted) - this.shift;
    // where the player is there already, it says nothing
    if (!this.video.seeking) this.arrived();
  }

  arrived() {
    if (this.sought !== this.frame && !this.playing) return this.seek(this.frame);
    this.onFrame(this.frame);
  }

  step(frames) {
    this.pause();
    this.seek(this.frame + frames);
  }

  toggle() {
    if (this.playing) this.pause();
    else this.play();
  }

  play() {
    if (this.frame >= this.times.length - 1) this.seek(0);
    this.playing = true;
    if (this.plays) {
      this.video.playbackRate = this.pace;
      this.video.play().catch(() => this.pause());
    } else {
      this.started = null;
      requestAnimationFrame((now) => this.tick(now));
    }
    this.onState();
  }

  /** Playing without a video: the clock decides which frame is shown. */
  tick(now) {
    if (!this.playing) return;
    if (this.started === null) this.started = now - (1000 * (this.times[this.frame] - this.times[0])) / this.pace;
    const time = this.times[0] + ((now - this.started) / 1000) * this.pace;
    this.show(frameAt(this.times, time));
    if (this.frame >= this.times.length - 1) return this.pause();
    requestAnimationFrame((later) => this.tick(later));
  }

  pause() {
    this.playing = false;
    if (this.plays) this.video.pause();
    this.onState();
  }

  setPace(pace) {
    this.pace = pace;
    this.started = null;
    this.video.playbackRate = pace;
  }

  noteState() {
    this.playing = !this.video.paused && !this.video.ended;
    this.onState();
  }

  onState() {
    byId('play').textContent = this.playing ? 'Pause' : 'Play';
  }
}
