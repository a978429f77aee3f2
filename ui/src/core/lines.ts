// Output as lines: where each begins, found once, so that only those in sight are cut out.

/** A text that grows, and where its lines begin. */
export class Lines {
  #text = "";
  readonly #starts: number[] = [0];

  get count(): number {
    const isEnded = this.#starts[this.#starts.length - 1] === this.#text.length;
    return this.#starts.length - (isEnded ? 1 : 0);
  }

  get length(): number {
    return this.#text.length;
  }

  add(text: string): void {
    let from = this.#text.length;
    this.#text += text;
    for (;;) {
      const at = this.#text.indexOf("\n", from);
      if (at < 0) return;
      from = at + 1;
      this.#starts.push(from);
    }
  }

  line(at: number): string {
    const [start, next] = [this.#starts[at] ?? 0, this.#starts[at + 1] ?? this.#text.length];
    const end = this.#text[next - 1] === "\n" && next > start ? next - 1 : next;
    return this.#text.slice(start, this.#text[end - 1] === "\r" && end > start ? end - 1 : end);
  }

  /** Lines that have a text in them, without regard to case; at most so many. */
  find(wanted: string, most: number): number[] {
    const found: number[] = [];
    const needle = wanted.toLowerCase();
    const hay = this.#text.toLowerCase();
    // Lower case of some letters is longer; then lines are looked at one by one.
    if (hay.length !== this.#text.length) {
      for (let at = 0; at < this.count && found.length < most; at += 1) {
        if (this.line(at).toLowerCase().includes(needle)) found.push(at);
      }
      return found;
    }
    let [from, at] = [hay.indexOf(needle), 0];
    while (from >= 0 && found.length < most) {
      while (at + 1 < this.#starts.length && this.#starts[at + 1]! <= from) at += 1;
      found.push(at);
      const next = this.#starts[at + 1];
      from = next === undefined ? -1 : hay.indexOf(needle, next);
    }
    return found;
  }
}
