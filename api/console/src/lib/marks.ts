/** Severity marks: the shape says it as well as the colour. I diamond, II triangle, III square, IV circle. */

/** Paths within a circle of radius 10 around 0,0, of about the same area. */
export const SHAPES: Record<string, string> = {
  I: "M0-11 11 0 0 11-11 0Z",
  II: "M0-10.5 11 8.5H-11Z",
  III: "M-8.5-8.5H8.5V8.5H-8.5Z",
  IV: "M-9.5 0a9.5 9.5 0 1 0 19 0a9.5 9.5 0 1 0-19 0Z",
};

export const DOMAIN_SHAPES: Record<string, string> = {
  water: "M8 1.5C5.6 4.7 3.6 7.2 3.6 9.8a4.4 4.4 0 0 0 8.8 0C12.4 7.2 10.4 4.7 8 1.5Z",
  gas: "M8.3 1.5c.5 2.4-3.9 4-3.9 8.1a3.9 3.9 0 0 0 7.8.3c0-2.1-1.3-2.9-1.6-4.3-.7.5-1 1.2-1 2C8.5 6.3 9.3 3.4 8.3 1.5Z",
  pipeline: "M1.5 5h2v6h-2ZM4.3 6h3v-2.5h-1v-1.5h3.4v1.5h-1V6h3v4H4.3ZM12.5 5h2v6h-2Z",
  traffic: "M3.2 7 4.4 3.6Q4.6 3 5.3 3h5.4q.7 0 .9.6L12.8 7q1 .2 1 1.2V12h-1v1.2h-2V12H5.2v1.2h-2V12h-1V8.2Q2.2 7.2 3.2 7ZM4.7 7h6.6l-.8-2.5h-5ZM4.5 8.5v1.3h1.7V8.5Zm5.3 0v1.3h1.7V8.5Z",
};
export const ANY_DOMAIN = "M8 3a5 5 0 1 0 .01 0Z";

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with attributes; for what the map makes outside of templates. */
export function svg(tag: string, attributes: Record<string, string | number>, ...children: (Node | string)[]): SVGElement {
  const node = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, String(value));
  node.append(...children);
  return node;
}

/** The mark itself: hollow when cleared; a dashed outline around it when the place is approximate. */
export function markNode(severity: string, hollow: boolean, dashed: boolean): SVGElement {
  const d = SHAPES[severity] ?? SHAPES.IV;
  const look = `mark sev-${severity}${hollow ? " hollow" : ""}`;
  if (!dashed || hollow) return svg("path", { d, class: dashed ? `${look} dash` : look });
  return svg("g", { class: "dashed" }, svg("path", { d, class: `halo sev-${severity}` }), svg("path", { d, class: look, transform: "scale(0.72)" }));
}
