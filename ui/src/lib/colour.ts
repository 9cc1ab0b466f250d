// Colours as 0xRRGGBB and their contrast as WCAG 2.2 measures it. Log text may ask for any colour; what is shown must
// stay readable on the page's own background, light or dark.

export type Colour = number;

/** The backgrounds that log text stands on, light and dark. They are those of chosen lines (--chosen of the style
 *  sheets): what is readable there is more so on the page itself. */
export const LIGHT: Colour = 0xddf0ff;
export const DARK: Colour = 0x132f4c;
export const PAGE = { light: 0xffffff, dark: 0x0d1117 };

const channel = (v: number): number => {
  const c = v / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
};

export function luminance(c: Colour): number {
  return 0.2126 * channel((c >> 16) & 255) + 0.7152 * channel((c >> 8) & 255) + 0.0722 * channel(c & 255);
}

export function contrast(a: Colour, b: Colour): number {
  const la = luminance(a);
  const lb = luminance(b);
  return (Math.max(la, lb) + 0.05) / (Math.min(la, lb) + 0.05);
}

/** `c` mixed with `other`; `part` 0 is `c`, 1 is `other`. */
export function mix(c: Colour, other: Colour, part: number): Colour {
  const at = (shift: number): number => {
    const from = (c >> shift) & 255;
    return Math.round(from + (((other >> shift) & 255) - from) * part) << shift;
  };
  return at(16) | at(8) | at(0);
}

/** The colour nearest to `c` (towards black or white, in 20 steps) that has a contrast of at least 4.5:1 on `ground`. */
export function readable(c: Colour, ground: Colour): Colour {
  if (contrast(c, ground) >= 4.5) return c;
  const end = contrast(0xffffff, ground) > contrast(0, ground) ? 0xffffff : 0;
  for (let step = 1; step < 20; step++) {
    const tried = mix(c, end, step / 20);
    if (contrast(tried, ground) >= 4.5) return tried;
  }
  return end;
}

export function css(c: Colour): string {
  return `#${c.toString(16).padStart(6, "0")}`;
}
