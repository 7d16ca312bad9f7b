/** Seconds of work: those of a visible page whose user did something a short while ago. */

const IDLE = 30_000; // ms without input after which nobody works

export class WorkClock {
  constructor() {
    this.seconds = 0; // not yet told to the server
    this.last = 0;
    const note = () => {
      this.last = Date.now();
    };
    for (const name of ["pointerdown", "pointermove", "keydown", "wheel"]) {
      window.addEventListener(name, note, { passive: true, capture: true });
    }
    setInterval(() => {
      const works = document.visibilityState === "visible" && Date.now() - this.last < IDLE;
      if (works) this.seconds += 1;
    }, 1000);
  }

  /** The seconds since the last time, to be told now. */
  take() {
    const seconds = this.seconds;
    this.seconds = 0;
    return seconds;
  }
}
