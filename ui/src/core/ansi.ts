// Colours that programs write into their output: the safe part of them, as spans; everything else is made visible.

export interface Span {
  text: string;
  style: string;
}

const ESCAPE = /\u001b\[([0-9;]*)m/g;
const NAMES = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/** Parts of a line, each in one style; styles begin anew with every line. */
export function spans(line: string): Span[] {
  if (!line.includes("\u001b[")) return [{ text: line, style: "" }];
  const out: Span[] = [];
  let [colour, isBold, at] = ["", false, 0];
  const push = (end: number): void => {
    if (end > at) out.push({ text: line.slice(at, end), style: `${colour}${isBold ? " bold" : ""}`.trim() });
  };
  for (const match of line.matchAll(ESCAPE)) {
    push(match.index);
    at = match.index + match[0].length;
    for (const code of (match[1] || "0").split(";").map(Number)) {
      if (code === 0) [colour, isBold] = ["", false];
      else if (code === 1) isBold = true;
      else if (code === 22) isBold = false;
      else if (code === 39) colour = "";
      else if (code >= 30 && code <= 37) colour = `ansi-${NAMES[code - 30]}`;
      else if (code >= 90 && code <= 97) colour = `ansi-${NAMES[code - 90]}`;
    }
  }
  push(line.length);
  return out;
}
